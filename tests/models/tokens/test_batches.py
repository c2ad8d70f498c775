from pathlib import Path
from typing import Any

import pytest

from schemas.columns import Columns

pytestmark = pytest.mark.slow

Row = tuple[list[int], int]


def write_rows(folder: Path, rows: list[Row], shards: int = 2) -> list[Path]:
    import tensorflow as tf

    def ints(values: list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    files = [folder / f"part-{i}.tfrecord" for i in range(shards)]
    for i, file in enumerate(files):
        with tf.io.TFRecordWriter(str(file)) as writer:
            for ids, label in rows[i::shards]:
                feature = {"token_ids": ints(ids), "label": ints([label])}
                writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return files


def read_rows(dataset) -> list[Row]:
    """The rows of all batches without their padding."""
    rows = []
    for inputs, labels in dataset:
        for ids, mask, label in zip(inputs["token_ids"], inputs["padding_mask"], labels, strict=True):
            rows.append((ids.numpy()[mask.numpy() == 1].tolist(), int(label)))
    return rows


@pytest.fixture
def rows() -> list[Row]:
    """Thirty different rows of lengths 2 to 31, two of them with an unseen label."""
    return [([100 + i] * (i + 2), -1 if i in (4, 20) else i % 3) for i in range(30)]


def test_bucket_lengths_are_few_and_end_with_the_longest() -> None:
    from models.tokens.batches import bucket_lengths

    assert bucket_lengths(128) == [8, 16, 24, 32, 48, 64, 96, 128]
    assert bucket_lengths(8) == [8]
    assert bucket_lengths(10) == [8, 10]
    assert len(bucket_lengths(512)) == 12


def test_survey_counts_rows_by_width_and_unseen_labels(tmp_path: Path, rows: list[Row]) -> None:
    from models.tokens.batches import survey

    found = survey(write_rows(tmp_path, rows), max_length=32)
    assert found.rows_per_width == {8: 6, 16: 8, 24: 7, 32: 7}  # lengths 6 and 22 are unseen
    assert (found.rows, found.unseen) == (28, 2)
    assert found.steps(batch_size=4) == 2 + 2 + 2 + 2


def test_survey_of_nothing(tmp_path: Path) -> None:
    from models.tokens.batches import survey

    assert survey([], max_length=32).rows == 0


@pytest.mark.parametrize("seed", [None, 3])
def test_batches_hold_every_known_row_once(tmp_path: Path, rows: list[Row], seed: int | None) -> None:
    from models.tokens.batches import batches, survey

    files = write_rows(tmp_path, rows)
    found = survey(files, 32)
    dataset = batches(files, found, max_length=32, batch_size=4, shuffle_seed=seed)
    assert sorted(read_rows(dataset)) == sorted(row for row in rows if row[1] >= 0)
    assert int(dataset.cardinality()) == len(list(dataset)) == found.steps(4)


def test_batches_are_padded_to_the_bucket(tmp_path: Path) -> None:
    from models.tokens.batches import batches, survey

    files = write_rows(tmp_path, [([5, 6, 7], 1), ([8, 9], 0), ([4] * 9, 2)], shards=1)
    dataset = batches(files, survey(files, 12), max_length=12, batch_size=2)
    (short, short_labels), (long, _) = list(dataset)
    assert short["token_ids"].numpy().tolist() == [[5, 6, 7, 0, 0, 0, 0, 0], [8, 9, 0, 0, 0, 0, 0, 0]]
    assert short["padding_mask"].numpy().tolist() == [[1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 0]]
    assert short["segment_ids"].numpy().tolist() == [[0] * 8] * 2
    assert short_labels.numpy().tolist() == [1, 0]
    assert long["token_ids"].shape == (1, 12)
    assert {str(part.dtype.name) for part in short.values()} == {"int32"}


def test_batches_shuffle_anew_each_epoch_and_equally_each_run(tmp_path: Path, rows: list[Row]) -> None:
    from models.tokens.batches import batches, survey

    files = write_rows(tmp_path, rows)
    found = survey(files, 32)

    def two_epochs(seed: int | None) -> list[list[Row]]:
        dataset = batches(files, found, max_length=32, batch_size=4, shuffle_seed=seed)
        return [read_rows(dataset), read_rows(dataset)]

    first, second = two_epochs(3)
    assert first != second
    assert two_epochs(3) == [first, second]
    assert two_epochs(4)[0] != first
    still = two_epochs(None)
    assert still[0] == still[1]


def test_batches_fail_when_the_files_hold_other_rows(tmp_path: Path, rows: list[Row]) -> None:
    import tensorflow as tf

    from models.tokens.batches import batches, survey

    files = write_rows(tmp_path, rows)
    found = survey(files[:1], 32)
    with pytest.raises(tf.errors.FailedPreconditionError, match="expected to contain 13 elements"):
        read_rows(batches(files, found, max_length=32, batch_size=1))


def write_features(file: Path, rows: list[dict[str, list[Any]]]) -> list[Path]:
    import pyarrow as pa

    from models.tokens.example_bytes import encode
    from models.tokens.record_files import write_records

    with file.open("wb") as target:
        write_records(target, encode(pa.RecordBatch.from_pylist(rows)))
    return [file]


def test_pairs_several_classes_and_features_reach_the_model(tmp_path: Path) -> None:
    from models.tokens.batches import batches, survey

    columns = Columns(text_pair=True, label="classes", weight=True, numeric=("x", "y"), categorical=("c",))
    rows = [
        {"token_ids": [2, 7, 3, 8, 3], "segment_ids": [0, 0, 0, 1, 1], "label": [0, 2]},
        {"token_ids": [2, 3, 3], "segment_ids": [0, 0, 1], "label": []},
    ]
    extra = {"weight": [0.5], "numeric": [1.0, 2.0], "categorical": [4]}
    files = write_features(tmp_path / "x", [row | extra for row in rows])
    found = survey(files, 8, columns)
    assert found.rows_per_width == {8: 2}
    ((inputs, labels, weights),) = batches(files, found, max_length=8, batch_size=2, columns=columns, classes=3)
    assert inputs["segment_ids"].numpy().tolist() == [[0, 0, 0, 1, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0]]
    assert labels.numpy().tolist() == [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert weights.numpy().tolist() == [0.5, 0.5]
    assert inputs["numeric"].numpy().tolist() == [[1.0, 2.0]] * 2
    assert inputs["categorical"].numpy().tolist() == [[4]] * 2


def test_rows_without_a_value_are_left_out_and_counted(tmp_path: Path) -> None:
    from models.tokens.batches import batches, survey

    values = [0.5, float("nan"), -1.0]
    files = write_features(tmp_path / "x", [{"token_ids": [2, 3], "label": [value]} for value in values])
    columns = Columns(label="value")
    found = survey(files, 8, columns)
    assert (found.rows, found.unseen) == (2, 1)
    ((_, labels),) = batches(files, found, max_length=8, batch_size=4, columns=columns)
    assert labels.numpy().tolist() == [0.5, -1.0]

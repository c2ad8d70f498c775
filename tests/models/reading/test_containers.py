"""Avro and TFRecord: what their types become, and what is said of broken files."""

import datetime
import gzip
import struct
from pathlib import Path
from typing import Any

import fastavro
import pytest
import zstandard

from models.reading.readers import read
from models.reading.roles import Roles
from models.reading.source_checks import check_source
from models.reading.sources import find_source, pieces
from schemas.errors import UserError


def judged(path: Path, roles: Roles, **settings: str) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    found = find_source(str(path), **{"format": "auto", "encoding": "utf-8", **settings}, roles=roles)
    check_source(found, 1.0)
    kept, rejected = [], []
    for piece in pieces(found):
        for rows in read(piece, found):
            kept += rows.kept.to_pylist()
            rejected += [(row["row"], row["reason"]) for row in rows.rejected.to_pylist()]
    return kept, rejected


def complaint(path: Path, **roles: Any) -> str:
    with pytest.raises(UserError) as raised:
        judged(path, Roles(**roles))
    return str(raised.value)


# Avro

FIELDS = {
    "text": "string",
    "label": ["null", "long", "string"],
    "tags": {"type": "array", "items": "string"},
    "price": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
    "day": ["null", {"type": "int", "logicalType": "date"}],
    "kind": {"type": "enum", "name": "k", "symbols": ["NEW", "OLD"]},
    "place": {"type": "record", "name": "p", "fields": [{"name": "x", "type": "double"}]},
}


def write_avro(path: Path, records: list[dict[str, Any]], **settings: Any) -> Path:
    fields = [{"name": name, "type": kind} for name, kind in FIELDS.items()]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "r", "fields": fields}, records, **settings)
    return path


def avro_record(text: str, label: Any, **values: Any) -> dict[str, Any]:
    import decimal

    return {
        "text": text,
        "label": label,
        "tags": ["b", "a"],
        "price": decimal.Decimal("1.50"),
        "day": datetime.date(2024, 1, 2),
        "kind": "NEW",
        "place": {"x": 0.5},
        **values,
    }


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2"])
def test_avro(tmp_path, codec):
    records = [
        avro_record("x", 1),
        avro_record("y", "two", day=None, tags=[]),
        avro_record("", "a"),
        avro_record("z", None),
    ]
    path = write_avro(tmp_path / "a.avro", records, codec=codec)
    kept, rejected = judged(path, Roles(numeric=("price",), categorical=("day",), slices=("kind",)))
    assert kept == [
        {
            "row": 1,
            "text": "x",
            "label": "1",
            "numeric/price": 1.5,
            "categorical/day": "2024-01-02",
            "slice/kind": "NEW",
        },
        {"row": 2, "text": "y", "label": "two", "numeric/price": 1.5, "categorical/day": None, "slice/kind": "NEW"},
    ]
    assert rejected == [(3, "missing_text"), (4, "missing_label")]
    kept, _ = judged(path, Roles(label=("tags",), label_kind="classes"))
    assert [row["label"] for row in kept] == [["a", "b"], [], ["a", "b"]]


def test_avro_with_bytes_that_are_no_text(tmp_path):
    content = write_avro(tmp_path / "a.avro", [avro_record("good", 1), avro_record("baad", 1)]).read_bytes()
    (tmp_path / "a.avro").write_bytes(content.replace(b"baad", b"b\xff\xffd"))
    kept, rejected = judged(tmp_path / "a.avro", Roles())
    assert ([row["text"] for row in kept], rejected) == (["good"], [(2, "undecodable")])


def test_avro_types_that_do_not_fit(tmp_path):
    path = write_avro(tmp_path / "a.avro", [avro_record("x", 1)])
    assert (
        "ingest_examples.label: column 'tags' of a.avro has type {'type': 'array', 'items': 'string'}. Expected "
        in (complaint(path, label=("tags",)))
    )
    assert "needs label_kind: classes" in complaint(path, label=("tags",))
    assert "ingest_examples.numeric: column 'place' of a.avro has type" in complaint(path, numeric=("place",))
    assert "ingest_examples.numeric: column 'day' of a.avro" in complaint(path, numeric=("day",))
    assert "has no column 'txt'. Did you mean 'text'?" in complaint(path, text="txt")
    assert "a.avro has no records" in complaint(write_avro(tmp_path / "a.avro", []))


@pytest.mark.parametrize("keep", [3, 60, -3, -40])
def test_avro_that_is_cut_off_or_none(tmp_path, monkeypatch, keep):
    path = write_avro(tmp_path / "a.avro", [avro_record(f"text {i}", 1) for i in range(100)], sync_interval=500)
    path.write_bytes(path.read_bytes()[:keep])
    assert "a.avro cannot be read as Avro: " in complaint(path)
    monkeypatch.setattr("models.reading.avro_files.PIECE_BYTES", 100)
    assert "Expected a whole Avro file; copy it again" in complaint(path)


# TFRecord

tfrecord = pytest.mark.slow


def write_tfrecord(path: Path, records: list[dict[str, Any] | bytes]) -> Path:
    import tensorflow as tf

    def feature(value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        if not values:
            return tf.train.Feature(bytes_list=tf.train.BytesList())
        if isinstance(values[0], str | bytes):
            values = [item.encode() if isinstance(item, str) else item for item in values]
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        if isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            if isinstance(record, bytes):
                writer.write(record)
                continue
            features = {name: feature(value) for name, value in record.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return path


@tfrecord
def test_tfrecord(tmp_path, monkeypatch):
    records: list[dict[str, Any] | bytes] = [
        {"text": "x", "label": 1, "age": 0.5, "tags": ["b", "a"]},
        {"text": "y", "label": 2, "tags": []},
        {"text": b"\xff", "label": 2},
        {"text": ["a", "b"], "label": 2},
        {"text": "z"},
        b"no example",
        {"text": "v", "label": 3, "age": 7, "tags": ["c"]},
    ]
    path = write_tfrecord(tmp_path / "a.tfrecord", records)
    roles = Roles(numeric=("age",))
    # Feature `age` has two types: that stops a whole batch, not these records.
    good = [(1, "x", "1", 0.5), (2, "y", "2", None), (7, "v", "3", 7.0)]
    bad = [(3, "undecodable"), (4, "wrong_type"), (5, "missing_label"), (6, "bad_example")]
    kept, rejected = judged(path, roles)
    assert ([tuple(row.values()) for row in kept], sorted(rejected)) == (good, bad)
    monkeypatch.setattr("models.reading.tfrecords.BATCH_ROWS", 2)
    kept, rejected = judged(path, roles)
    assert ([tuple(row.values()) for row in kept], sorted(rejected)) == (good, bad)
    kept, rejected = judged(path, Roles(label=("tags",), label_kind="classes"))
    assert [row["label"] for row in kept] == [["a", "b"], [], ["c"]]

    content = path.read_bytes()
    (tmp_path / "b.tfrecord.gz").write_bytes(gzip.compress(content))
    (tmp_path / "c.tfrecord.zst").write_bytes(zstandard.ZstdCompressor().compress(content))
    for name in ("b.tfrecord.gz", "c.tfrecord.zst"):
        assert [row["row"] for row in judged(tmp_path / name, roles)[0]] == [1, 2, 7]

    (tmp_path / "d.tfrecord").write_bytes(content[:-3])
    assert "d.tfrecord cannot be read as TFRecord: " in complaint(tmp_path / "d.tfrecord")
    (tmp_path / "e.tfrecord.gz").write_bytes(gzip.compress(content)[:-9])
    assert "e.tfrecord.gz cannot be unpacked: " in complaint(tmp_path / "e.tfrecord.gz")
    assert "has no column 'body'. Did you mean" not in complaint(path, text="body")
    assert "a.tfrecord has no column 'body'. It has: " in complaint(path, text="body")
    assert "ingest_examples.text: column 'label' of a.tfrecord has type number" in complaint(
        path, text="label", label=()
    )


def test_tfrecord_is_checked_without_tensorflow(tmp_path):
    import subprocess
    import sys

    # An Example with feature "text" of one value "x", framed; the two checksums are not looked at.
    example = b"\n\x0f\n\r\n\x04text\x12\x05\n\x03\n\x01x"
    (tmp_path / "a.tfrecord").write_bytes(struct.pack("<Q", len(example)) + b"\0\0\0\0" + example + b"\0\0\0\0")
    code = (
        "import sys; from models.reading.example_records import first_features; "
        "from models.reading.data_files import DataFile; "
        "print(first_features(DataFile(sys.argv[1], 1, 'test')), 'tensorflow' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.tfrecord")], capture_output=True, text=True, check=True
    )
    assert found.stdout == "{'text': 'text'} False\n"
    (tmp_path / "b.tfrecord").write_text("text,label\n")
    assert "b.tfrecord cannot be read as TFRecord of tf.train.Example: " in complaint(tmp_path / "b.tfrecord")

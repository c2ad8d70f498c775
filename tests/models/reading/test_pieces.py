"""A file that is cut gives the same records in the same places as a whole one."""

import json
import pickle
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.reading.readers import place, read
from models.reading.roles import Roles
from models.reading.sources import Source, find_source, pieces

MODULES_WITH_BLOCKS = ("whole_records", "values", "parquet_files", "label_folders")


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces and blocks of some hundred bytes."""
    monkeypatch.setattr("models.reading.byte_ranges.PIECE_BYTES", 1000)
    monkeypatch.setattr("models.reading.byte_ranges.SCAN_BYTES", 300)
    monkeypatch.setattr("models.reading.avro_files.PIECE_BYTES", 1000)
    monkeypatch.setattr("models.reading.parquet_files.PIECE_BYTES", 1000)


def source(path: Path, **settings: Any) -> Source:
    encoding = settings.pop("encoding", "utf-8")
    return find_source(str(path), format="auto", encoding=encoding, roles=Roles(**settings))


def placed(found: Source) -> tuple[list[tuple[Any, ...]], int]:
    """Everything read, as (file, number, …), and how many pieces it took."""
    before: dict[str, int] = {}
    records = []
    cut = list(pieces(found))
    for piece in cut:
        piece = pickle.loads(pickle.dumps(piece))
        rows_before = before.setdefault(piece.file_key, 0)
        assert piece.rows_before in (None, rows_before)
        for rows in read(piece, found):
            for batch in (rows.kept, rows.rejected):
                for row, *values in (tuple(record.values()) for record in batch.to_pylist()):
                    records.append((*place(piece, row, rows_before, found), *values))
            before[piece.file_key] += rows.count
    return sorted(records, key=lambda record: record[:2]), len(cut)


def texts(count: int) -> list[str]:
    rng = random.Random(count)
    parts = ["word", ' "said"', ",", "\n", "\r\n", "é", ' 5" pipe', "ソ"]
    return [f"{i} " + "".join(rng.choices(parts, k=rng.randint(0, 12))) for i in range(count)]


def csv_of(rows: list[str], *, line_end: str) -> str:
    quoted = [f'"{text.replace(chr(34), chr(34) * 2)}",a' for text in rows]
    return line_end.join(["text,label", *quoted, '5" pipe,a', "ragged", ",a", "", "last,b"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "shift_jis"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_csv(tmp_path, small_pieces, encoding, line_end):
    rows = [text.replace("é", "e") for text in texts(300)]
    (tmp_path / "a.csv").write_bytes(csv_of(rows, line_end=line_end).encode(encoding))
    found = source(tmp_path / "a.csv", encoding=encoding)
    records, count = placed(found)
    assert count > 5
    assert records[:300] == [("a.csv", i, text, "a") for i, text in enumerate(rows, 1)]
    assert records[300:] == [
        ("a.csv", 301, '5" pipe', "a"),
        ("a.csv", 302, "ragged_row", "ragged"),
        ("a.csv", 303, "missing_text", '{"text": "", "label": "a"}'),
        ("a.csv", 304, "last", "b"),
    ]


def test_csv_full_of_quotes_that_are_ordinary_characters(tmp_path, small_pieces):
    lines = [f'{i} 5" pipe,"a\nb"' if i % 3 else f'{i} plain,"x"' for i in range(400)]
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(lines))
    records, count = placed(source(tmp_path / "a.csv"))
    assert count > 5
    assert records == [
        ("a.csv", i + 1, *((f'{i} 5" pipe', "a\nb") if i % 3 else (f"{i} plain", "x"))) for i in range(400)
    ]


@pytest.mark.parametrize("name", ["a.tsv", "a.jsonl"])
def test_lines(tmp_path, small_pieces, name):
    rows = [text.replace("\n", " ").replace("\r", " ") for text in texts(300)]
    if name == "a.tsv":
        lines = ["text\tlabel", *(f"{text}\ta" for text in rows)]
    else:
        lines = [json.dumps({"text": text, "label": "a"}, ensure_ascii=False) for text in rows]
    (tmp_path / name).write_text("\n\n".join(lines))
    records, count = placed(source(tmp_path / name))
    assert count > 5
    assert records == [(name, i, text, "a") for i, text in enumerate(rows, 1)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7"])
def test_other_encodings_are_read_whole(tmp_path, small_pieces, encoding):
    rows = [text.replace("ソ", "x") for text in texts(300)]
    (tmp_path / "a.csv").write_bytes(csv_of(rows, line_end="\n").encode(encoding))
    records, count = placed(source(tmp_path / "a.csv", encoding=encoding))
    assert (count, len(records)) == (1, 304)
    assert [record[2] for record in records[:300]] == rows


def test_parquet_by_row_groups_and_small_ones_together(tmp_path, small_pieces):
    rows = texts(300)
    pq.write_table(pa.table({"label": ["a"] * 300, "text": rows}), tmp_path / "a.parquet", row_group_size=10)
    found = source(tmp_path / "a.parquet")
    records, count = placed(found)
    assert 5 < count < 30
    assert all(piece.rows_before is not None for piece in pieces(found))
    assert records == [("a.parquet", i, text, "a") for i, text in enumerate(rows, 1)]


def test_avro_by_blocks(tmp_path, small_pieces):
    import fastavro

    schema = {
        "type": "record",
        "name": "r",
        "fields": [{"name": "text", "type": "string"}, {"name": "label", "type": ["null", "long"]}],
    }
    rows = texts(300)
    with (tmp_path / "a.avro").open("wb") as file:
        fastavro.writer(file, schema, [{"text": text, "label": 7} for text in rows], codec="deflate", sync_interval=200)
    records, count = placed(source(tmp_path / "a.avro"))
    assert count > 3
    assert records == [("a.avro", i, text, "7") for i, text in enumerate(rows, 1)]


def test_folders(tmp_path, monkeypatch):
    monkeypatch.setattr("models.reading.label_folders.FILES_PER_PIECE", 2)
    for i in range(5):
        (tmp_path / f"label{i % 2}").mkdir(exist_ok=True)
        (tmp_path / f"label{i % 2}" / f"{i}.txt").write_text(f"text {i}" if i else " ")
    records, count = placed(source(tmp_path))
    assert count == 3
    assert records == [
        ("label0/0.txt", 1, "missing_text", " "),
        ("label0/2.txt", 1, "text 2", "label0"),
        ("label0/4.txt", 1, "text 4", "label0"),
        ("label1/1.txt", 1, "text 1", "label1"),
        ("label1/3.txt", 1, "text 3", "label1"),
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_records_that_are_too_large_are_refused_one_by_one(tmp_path, monkeypatch, name):
    """Which ones does not depend on where blocks begin."""
    for module in MODULES_WITH_BLOCKS:
        monkeypatch.setattr(f"models.reading.{module}.BLOCK_BYTES", 100)
    for seed in range(30):
        sizes = random.Random(seed).choices([1, 10, 40, 60, 150, 400, 1000], k=12)
        write_records(tmp_path / name, [f"{'x' * size}" for size in sizes])
        records, _ = placed(source(tmp_path / name))
        found = [len(record[2]) if record[3] == "a" else record[2] for record in records]
        assert found == ["too_large" if size > 100 else size for size in sizes]
        assert [record[1] for record in records] == list(range(1, 13))


def write_records(path: Path, rows: list[str]) -> None:
    if path.suffix == ".csv":
        path.write_text("text,label\n" + "".join(f'"{text}",a\n' for text in rows))
    elif path.suffix == ".tsv":
        path.write_text("text\tlabel\n" + "".join(f"{text}\ta\n" for text in rows))
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"text": text, "label": "a"}) + "\n" for text in rows))
    else:
        pq.write_table(pa.table({"text": rows, "label": ["a"] * len(rows)}), path)


def test_a_line_of_50_megabytes_loses_nothing_else(tmp_path):
    with (tmp_path / "a.csv").open("w") as file:
        file.write("text,label\ngood,a\n")
        for _ in range(50):
            file.write("x" * (1 << 20))
        file.write(",a\nfine,b\n")
    records, _ = placed(source(tmp_path / "a.csv"))
    assert [record[1:3] for record in records] == [(1, "good"), (2, "too_large"), (3, "fine")]
    assert records[1][3] == "x" * 200

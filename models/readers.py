"""From files to record batches of text and label, and a reason for every record that is neither."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from models.sources import BLOCK_BYTES, RECORD_ADVICE, Piece, Source
from models.transcoding import MARKS, decode, is_marked, open_raw, open_utf8, show
from schemas.errors import UserError

ROWS = pa.schema({"text": pa.string(), "label": pa.string()})
REJECTS = pa.schema({"file": pa.string(), "row": pa.int64(), "reason": pa.string(), "record": pa.string()})

BLOCK_ROWS = 8192


_Record = tuple[int, str | None, str | None, str | None, str]
"""Row, text, label, reason, and how the record looked."""


@dataclass(frozen=True)
class Rows:
    """`count` records of one piece: the good ones with schema ROWS, the others with schema REJECTS."""

    count: int
    kept: pa.RecordBatch
    rejected: pa.RecordBatch


@dataclass(frozen=True)
class _Block:
    """Records as read. `reasons` holds what reading itself found; null where the value looks right so far."""

    file: str | list[str]
    rows: pa.Array
    texts: pa.Array
    labels: pa.Array
    reasons: pa.Array
    record: Callable[[int], str]


def read(piece: Piece, source: Source) -> Iterator[Rows]:
    """All records of a piece, a few thousand at a time. Row 1 is the first record of its file."""
    reader = {"csv": _csv, "tsv": _csv, "jsonl": _jsonl, "parquet": _parquet, "folders": _folders}[source.format]
    for block in reader(piece, source):
        yield _judge(block)


def _judge(block: _Block) -> Rows:
    """Keep the records that have a clean text and a label."""
    labels = pc.utf8_trim_whitespace(block.labels)
    marked = pc.or_(*(_true(pc.match_substring_regex(values, MARKS)) for values in (block.texts, labels)))
    blank = pc.equal(pc.utf8_trim_whitespace(block.texts), "")
    reasons = pc.case_when(
        pc.make_struct(
            pc.is_valid(block.reasons),
            marked,
            pc.or_(pc.is_null(block.texts), _true(blank)),
            pc.or_(pc.is_null(labels), _true(pc.equal(labels, ""))),
        ),
        block.reasons,
        "undecodable",
        "missing_text",
        "missing_label",
    )
    good = pc.is_null(reasons)
    kept = pa.record_batch([block.texts, labels], schema=ROWS).filter(good)
    bad = pc.indices_nonzero(pc.invert(good)).to_pylist()
    files = block.file if isinstance(block.file, list) else [block.file] * len(good)
    return Rows(
        len(block.rows),
        kept,
        pa.record_batch(
            [
                pa.array([files[i] for i in bad], pa.string()),
                block.rows.take(pa.array(bad, pa.int64())),
                reasons.take(pa.array(bad, pa.int64())),
                pa.array([show(block.record(i)) for i in bad], pa.string()),
            ],
            schema=REJECTS,
        ),
    )


def _true(values: pa.Array) -> pa.Array:
    return pc.fill_null(values, False)


def _csv(piece: Piece, source: Source) -> Iterator[_Block]:
    """CSV with quoting, or TSV without."""
    (file,) = piece.files
    name = source.name(file)
    ragged: dict[int, str] = {}

    def note_ragged(row: Any) -> str:
        ragged[row.number - 1] = row.text  # pyarrow counts the header
        return "skip"

    quoting = source.format == "csv"
    number = itertools.count(1)
    with open_utf8(file, source.encoding) as stream:
        try:
            for batch in pyarrow.csv.open_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter="," if quoting else "\t",
                    quote_char='"' if quoting else False,
                    newlines_in_values=quoting,
                    invalid_row_handler=note_ragged,
                ),
                convert_options=pyarrow.csv.ConvertOptions(check_utf8=False, default_column_type=pa.string()),
            ):
                free = (row for row in number if row not in ragged)
                yield _columns_block(batch, list(itertools.islice(free, len(batch))), name, source)
        except pa.ArrowInvalid as error:
            raise UserError(
                f"ingest_examples.source: {name} cannot be parsed as {source.format}: {error}. {RECORD_ADVICE}"
            ) from error
    if ragged:
        yield _listed_block(name, [(row, None, None, "ragged_row", text) for row, text in ragged.items()])


def _parquet(piece: Piece, source: Source) -> Iterator[_Block]:
    (file,) = piece.files
    parquet = pyarrow.parquet.ParquetFile(file)
    first = 1 + sum(parquet.metadata.row_group(group).num_rows for group in range(piece.row_group))
    batches = parquet.iter_batches(
        BLOCK_ROWS, row_groups=[piece.row_group], columns=[source.text, source.label], use_threads=False
    )
    for batch in batches:
        yield _columns_block(batch, list(range(first, first + len(batch))), source.name(file), source)
        first += len(batch)


def _columns_block(batch: pa.RecordBatch, rows: list[int], file: str, source: Source) -> _Block:
    """Records that came as columns."""
    texts, text_reasons = _strings(batch.column(source.text))
    labels, label_reasons = _strings(batch.column(source.label))

    def record(index: int) -> str:
        values = batch.slice(index, 1).to_pylist()[0]
        return json.dumps(values, ensure_ascii=False, default=repr)

    return _Block(file, pa.array(rows), texts, labels, pc.coalesce(text_reasons, label_reasons), record)


def _strings(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """A column as valid strings, and a reason where a value cannot be one."""
    nothing = pa.nulls(len(column), pa.string())
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):  # whole numbers turn into floats where a column has gaps
        column = pc.if_else(pc.is_nan(column), None, column.cast(pa.float64()))  # pandas' sign of a gap
        fits = pc.less(pc.abs(column), 2.0**63)
        whole = _true(pc.and_(fits, pc.equal(column, pc.round(column))))
        wrong = pc.and_(pc.is_valid(column), pc.invert(whole))
        integers = pc.if_else(whole, column, None).cast(pa.int64())
        return integers.cast(pa.string()), pc.if_else(wrong, "wrong_type", None).cast(pa.string())
    try:
        return column.cast(pa.binary()).cast(pa.string()), nothing
    except pa.ArrowNotImplementedError:
        return column.cast(pa.string()), nothing
    except pa.ArrowInvalid:
        pass
    texts = [None if value is None else decode(value, "utf-8") for value in column.cast(pa.binary()).to_pylist()]
    return pa.array(texts, pa.string()), nothing


def _jsonl(piece: Piece, source: Source) -> Iterator[_Block]:
    (file,) = piece.files
    with open_utf8(file, source.encoding) as stream:
        lines = ((row, line.decode()) for row, line in enumerate(stream, 1) if line.strip())
        while block := _up_to(BLOCK_BYTES, lines):
            yield _listed_block(source.name(file), [(row, *_parsed(line, source), line) for row, line in block])


def _up_to(size: int, lines: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    block = []
    for row, line in lines:
        block.append((row, line))
        size -= len(line)
        if size < 0 or len(block) == BLOCK_ROWS:
            break
    return block


def _parsed(line: str, source: Source) -> tuple[str | None, str | None, str | None]:
    """Text, label and reason of one JSON line."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None, None, "undecodable" if is_marked(line) else "bad_json"
    if not isinstance(record, dict):
        return None, None, "wrong_type"
    text, label = record.get(source.text), record.get(source.label)
    if isinstance(label, bool):
        label = str(label).lower()
    elif isinstance(label, int) or (isinstance(label, float) and label.is_integer()):
        label = str(int(label))
    if not all(value is None or isinstance(value, str) for value in (text, label)):
        return None, None, "wrong_type"
    try:
        f"{text}{label}".encode()
    except UnicodeEncodeError:  # an escaped half of a surrogate pair
        return None, None, "undecodable"
    return text, label, None


def _folders(piece: Piece, source: Source) -> Iterator[_Block]:
    texts = [decode(_content(file), source.encoding) for file in piece.files]
    records: list[_Record] = [
        (1, text, source.label_of(file), None, text) for file, text in zip(piece.files, texts, strict=True)
    ]
    yield _listed_block([source.name(file) for file in piece.files], records)


def _content(file: Path) -> bytes:
    with open_raw(file) as stream:
        return stream.read()


def _listed_block(file: str | list[str], records: list[_Record]) -> _Block:
    """Records that came one by one."""
    rows, texts, labels, reasons, shown = zip(*records, strict=True)
    strings = [pa.array(values, pa.string()) for values in (texts, labels, reasons)]
    return _Block(file, pa.array(rows, pa.int64()), strings[0], strings[1], strings[2], shown.__getitem__)

"""CSV with quoting, and TSV without."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from models.reading.blocks import BLOCK_ROWS, SHOWN_CHARACTERS, Block, refused_block, shown_row
from models.reading.byte_ranges import can_be_cut, cut_at_lines, cut_at_records
from models.reading.data_files import DataFile
from models.reading.record_ends import RecordEnds
from models.reading.sources import BLOCK_BYTES, Piece, Source
from models.reading.transcoding import open_utf8
from models.reading.whole_records import whole_records
from schemas.errors import UserError


def pieces(file: DataFile, source: Source) -> Iterator[Piece]:
    """The whole file, or parts of a large one."""
    first, *others = [Piece((file,))]
    if can_be_cut(file, source.encoding):
        cut = cut_at_records if source.format == "csv" else cut_at_lines
        first, *others = [Piece((file,), start=start, end=end) for start, end in cut(file)]
    yield first
    if others:
        columns = _header(file, source)
        yield from (replace(other, columns=columns, rows_before=None) for other in others)


def read(piece: Piece, source: Source) -> Iterator[Block]:
    """All records of a piece."""
    columns = piece.columns
    row = 1
    with open_utf8(piece.file, source.encoding, piece.start, piece.end) as stream:
        for records, reason in whole_records(stream, RecordEnds(quoted=source.format == "csv")):
            if not columns:
                _refuse_bad_header(reason, source.name(piece.file), source)
                columns, records = _cut_header(records, source)
            if reason is None:
                blocks = _parsed(records, columns, row, source)
            else:
                _refuse_swallowed_records(records, reason, source.name(piece.file), source)
                blocks = [refused_block([(row, reason, records[: 4 * SHOWN_CHARACTERS].decode(errors="ignore"))])]
            yield from blocks
            row += sum(len(block.rows) for block in blocks)


def _refuse_swallowed_records(record: bytes, reason: str, name: str, source: Source) -> None:
    """A quote that is never closed makes one record of all the rest, which may be the better part of the file."""
    if reason == "unclosed_quote" and (len(record) > BLOCK_BYTES or len(record.strip().splitlines()) > 1):
        raise UserError(
            f"{source.where}: {name} cannot be parsed as csv: in the record that begins "
            f"'{record[:60].decode(errors='ignore')}' a quote is never closed, so all the rest would belong to it. "
            "Expected quotes in pairs. Repair the file, or set format: tsv if its columns are separated by tabs and "
            "quotes are ordinary characters."
        )


def _refuse_bad_header(reason: str | None, name: str, source: Source) -> None:
    if reason is not None:
        raise UserError(
            f"{source.where}: the header of {name} cannot be parsed as {source.format}: {reason}. Expected the "
            "columns' names. Repair the file, or set format: if it is something else."
        )


def _cut_header(records: bytes, source: Source) -> tuple[tuple[str, ...], bytes]:
    """The columns' names, and the records behind them."""
    lines = records.lstrip(b"\r\n")
    end = RecordEnds(quoted=source.format == "csv").find(lines)[:1].tolist() or [len(lines)]
    return _names(lines[: end[0]].decode(), source), lines[end[0] :]


def _names(header: str, source: Source) -> tuple[str, ...]:
    quoted = source.format == "csv"
    csv.field_size_limit(BLOCK_BYTES)  # 131,072 characters otherwise
    reader = csv.reader(
        io.StringIO(header, newline=""),
        delimiter="," if quoted else "\t",
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    return tuple(next(reader))


def _header(file: DataFile, source: Source) -> tuple[str, ...]:
    with open_utf8(file, source.encoding) as stream:
        records, reason = next(whole_records(stream, RecordEnds(quoted=source.format == "csv")))
    _refuse_bad_header(reason, source.name(file), source)
    return _cut_header(records, source)[0]


def _parsed(records: bytes, columns: tuple[str, ...], row: int, source: Source) -> list[Block]:
    """Some whole records, of which the first has number `row`."""
    ragged: dict[int, str] = {}

    def note_ragged(found: Any) -> str:
        ragged[row - 1 + found.number] = found.text
        return "skip"

    if not records.strip(b"\r\n"):
        return []
    quoted = source.format == "csv"
    table = pyarrow.csv.read_csv(
        pa.BufferReader(records),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=len(records) + 1, column_names=columns),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter="," if quoted else "\t",
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            invalid_row_handler=note_ragged,
        ),
        convert_options=pyarrow.csv.ConvertOptions(check_utf8=False, default_column_type=pa.string()),
    )
    blocks = [refused_block([(number, "ragged_row", text) for number, text in ragged.items()])] if ragged else []
    numbers = np.delete(np.arange(row, row + len(table) + len(ragged)), [number - row for number in ragged])
    for batch in table.to_batches(BLOCK_ROWS):
        rows, numbers = numbers[: len(batch)], numbers[len(batch) :]
        blocks.append(
            Block(pa.array(rows), dict(zip(columns, batch.columns, strict=True)), None, partial(shown_row, batch))
        )
    return blocks

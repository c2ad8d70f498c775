"""JSONL: one object a line."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json

from models.reading.blocks import BLOCK_ROWS, SHOWN_CHARACTERS, Block, records_block, refused_block, value_kind
from models.reading.byte_ranges import can_be_cut, cut_at_lines
from models.reading.data_files import DataFile
from models.reading.record_ends import RecordEnds
from models.reading.roles import Roles
from models.reading.sources import Piece, Source
from models.reading.transcoding import is_marked, open_utf8
from models.reading.whole_records import whole_records

LINES_FOR_TYPES = 10

_Record = tuple[dict[str, Any], str | None, str]
"""The object, why it is none, and the line."""


def pieces(file: DataFile, source: Source) -> Iterator[Piece]:
    """The whole file, or parts of a large one."""
    whole = Piece((file,))
    if not can_be_cut(file, source.encoding):
        yield whole
        return
    for start, end in cut_at_lines(file):
        yield replace(whole, start=start, end=end, rows_before=None if start else 0)


def read(piece: Piece, source: Source) -> Iterator[Block]:
    """All records of a piece; empty lines are none."""
    row = 1
    with open_utf8(piece.file, source.encoding, piece.start, piece.end) as stream:
        for lines, reason in whole_records(stream, RecordEnds(quoted=False, old_line_ends=False)):
            if reason is None:
                blocks = _at_once(lines, row, source.roles) or list(_one_by_one(lines, row, source.roles))
            else:
                blocks = [refused_block([(row, reason, lines[: 4 * SHOWN_CHARACTERS].decode(errors="ignore"))])]
            yield from blocks
            row += sum(len(block.rows) for block in blocks)


def _at_once(lines: bytes, row: int, roles: Roles) -> list[Block] | None:
    """Lines that are all plain objects whose values have one type a column, as Arrow parses them, 15 times as fast.

    Arrow would also take an object on two lines or two on one; None for those, and whenever Arrow refuses something.
    """
    lines = lines.strip()
    count = 1 + lines.count(b"}\n{") + lines.count(b"}\r\n{")
    types = _types(lines, roles)
    if types is None or not (lines.startswith(b"{") and lines.endswith(b"}")) or count != 1 + lines.count(b"\n"):
        return None
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(lines),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema(types), unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        return None
    if len(table) != count:
        return None
    split = cache(partial(lines.split, b"\n"))
    blocks = []
    for start in range(0, count, BLOCK_ROWS):
        part = table.slice(start, BLOCK_ROWS).combine_chunks()
        rows = pa.array(np.arange(row + start, row + start + len(part)))
        columns = {name: part[name].combine_chunks() for name in types}
        blocks.append(Block(rows, columns, None, partial(_line, split, start)))
    return blocks


def _line(split: Callable[[], list[bytes]], start: int, index: int) -> str:
    return split()[start + index].decode().rstrip("\r")


def _types(lines: bytes, roles: Roles) -> dict[str, pa.DataType] | None:
    """Types of the wanted columns as the first lines have them; None if one of them is of no type that fits."""
    first = [_parsed(line)[0] for line in lines.split(b"\n", LINES_FOR_TYPES)[:LINES_FOR_TYPES]]
    types: dict[str, pa.DataType] = {}
    for role, name in roles.named():
        if name not in types:
            value = next((record[name] for record in first if record.get(name) is not None), None)
            try:
                types[name] = _type(value, value_kind(role, roles))
            except TypeError:
                return None
    return types


def _type(value: Any, kind: str) -> pa.DataType:
    if isinstance(value, list) and kind == "classes":
        return pa.list_(_type(value[0] if value else None, "name"))
    if value is None or isinstance(value, str) or kind == "text":
        return pa.string()
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int | float):
        return pa.int64() if isinstance(value, int) and kind != "number" else pa.float64()
    raise TypeError


def _one_by_one(lines: bytes, row: int, roles: Roles) -> Iterator[Block]:
    """Lines of any kind, as Python parses them."""
    full = [line for line in lines.split(b"\n") if line.strip()]
    for start in range(0, len(full), BLOCK_ROWS):
        block = full[start : start + BLOCK_ROWS]
        records, reasons, shown = zip(*map(_parsed, block), strict=True)
        first = row + start
        yield records_block(range(first, first + len(block)), records, roles, reasons, shown.__getitem__)


def _parsed(line: bytes) -> _Record:
    text = line.decode().rstrip("\r")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return {}, "undecodable" if is_marked(text) else "bad_json", text
    return (record, None, text) if isinstance(record, dict) else ({}, "wrong_type", text)

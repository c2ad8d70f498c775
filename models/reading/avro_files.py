"""Avro container files: records of a schema, in blocks."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO, cast

from models.reading.blocks import BLOCK_ROWS, Block, records_block, shown_record
from models.reading.byte_ranges import PIECE_BYTES
from models.reading.data_files import DataFile
from models.reading.sources import Piece, Source
from models.reading.transcoding import open_raw, open_stored
from schemas.errors import UserError

SYNC_BYTES = 16
COPY_BYTES = 1 << 20


@contextmanager
def explained(file: DataFile, source: Source) -> Iterator[None]:
    """Whatever fastavro says of a broken file, as a UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # a broken file shows as anything from EOFError to KeyError
        raise UserError(
            f"{source.where}: {source.name(file)} cannot be read as Avro: {type(error).__name__}: {error}. Expected a "
            "whole Avro file; copy it again, set format: if it is something else, or leave it out of source."
        ) from error


def pieces(file: DataFile, source: Source) -> Iterator[Piece]:
    """The whole file, or parts of a large one."""
    if file.size <= PIECE_BYTES or file.packing:
        yield Piece((file,))
        return
    with explained(file, source):
        header, blocks = _blocks(file)
    start, rows_before, rows = header, 0, 0
    for count, end in blocks:
        rows += count
        if end - start > PIECE_BYTES or end == file.size:
            yield Piece((file,), start=start, end=end, header=header, rows_before=rows_before)
            start, rows_before = end, rows


def read(piece: Piece, source: Source) -> Iterator[Block]:
    """All records of a piece."""
    row = 1
    with open_raw(piece.file) as stream, explained(piece.file, source):
        for records in _batches(_part(stream, piece)):
            rows = range(row, row + len(records))
            yield records_block(rows, records, source.roles, [None] * len(records), partial(_shown, records))
            row += len(records)


def _shown(records: list[Any], index: int) -> str:
    return shown_record(records[index])


def writer_schema(file: DataFile, source: Source) -> Any:
    """The schema that a file says it has."""
    import fastavro

    with open_raw(file) as stream, explained(file, source):
        return fastavro.reader(stream).writer_schema


def has_records(file: DataFile, source: Source) -> bool:
    """Whether there is at least one record."""
    with open_raw(file) as stream, explained(file, source):
        return next(_batches(stream), None) is not None


def _batches(stream: BinaryIO) -> Iterator[list[Any]]:
    import fastavro

    batch = []
    # "mark": see models/reading/transcoding.py.
    for record in fastavro.reader(stream, handle_unicode_errors="mark"):
        batch.append(record)
        if len(batch) == BLOCK_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _blocks(file: DataFile) -> tuple[int, list[tuple[int, int]]]:
    """Size of the header; records and end of each block. Reads only the blocks' first bytes."""
    import fastavro

    with open_stored(file) as stream:
        fastavro.reader(stream)
        header = at = stream.tell()
        blocks = []
        while at < file.size:
            stream.seek(at)
            count, size = _long(stream), _long(stream)
            at = stream.tell() + size + SYNC_BYTES
            blocks.append((count, at))
    if at != file.size:
        raise EOFError("the last block ends early")
    return header, blocks


def _long(stream: BinaryIO) -> int:
    """An integer as Avro writes it: seven bits a byte, the lowest first, signs folded in."""
    value = shift = 0
    while True:
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7


def _part(stream: BinaryIO, piece: Piece) -> BinaryIO:
    if piece.end is None:
        return stream
    return cast(BinaryIO, io.BufferedReader(_HeaderAndRange(stream, piece.header, piece.start, piece.end), COPY_BYTES))


class _HeaderAndRange(io.RawIOBase):
    """The beginning of a file and a later part of it, as if nothing lay between."""

    def __init__(self, stream: BinaryIO, header: int, start: int, end: int) -> None:
        self._stream = stream
        self._parts = [(0, header), (start, end)]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while self._parts:
            start, end = self._parts[0]
            self._stream.seek(start)
            content = self._stream.read(min(len(buffer), end - start))
            self._parts[0] = (start + len(content), end)
            if start + len(content) >= end or not content:
                self._parts.pop(0)
            if content:
                buffer[: len(content)] = content
                return len(content)
        return 0

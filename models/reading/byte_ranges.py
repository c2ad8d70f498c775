"""Cutting a large text file at record ends, so that several workers can read it."""

from collections.abc import Iterator
from typing import BinaryIO

from models.reading.data_files import DataFile
from models.reading.record_ends import RecordEnds, is_transparent
from models.reading.transcoding import open_stored

PIECE_BYTES = 32 << 20
SCAN_BYTES = 8 << 20


def can_be_cut(file: DataFile, encoding: str) -> bool:
    """Whether a file is worth cutting and can be read from the middle."""
    return file.size > PIECE_BYTES and not file.packing and is_transparent(encoding)


def cut_at_lines(file: DataFile) -> list[tuple[int, int]]:
    """Ranges of bytes of about PIECE_BYTES that end with a line feed; reads only around the cuts."""
    cuts: list[int] = []
    with open_stored(file) as stream:
        while (target := (cuts[-1] if cuts else 0) + PIECE_BYTES) < file.size:
            stream.seek(target - 1)
            cut = _behind_line(stream, target - 1)
            if cut >= file.size:
                break
            cuts.append(cut)
    return _ranges(cuts, file.size)


def cut_at_records(file: DataFile) -> list[tuple[int, int]]:
    """Ranges of bytes of about PIECE_BYTES that end with a record; reads the file once to tell quoted line ends."""
    cuts: list[int] = []
    scanner = RecordEnds(quoted=True)
    target = PIECE_BYTES
    for offset, block in _blocks(file):
        ends = scanner.find(block, start=min(len(block), max(0, target - 1 - offset)))
        if len(ends) and offset + ends[0] < file.size:
            cuts.append(offset + int(ends[0]))
            target = cuts[-1] + PIECE_BYTES
    return _ranges(cuts, file.size)


def _blocks(file: DataFile) -> Iterator[tuple[int, bytes]]:
    offset = 0
    with open_stored(file) as stream:
        while block := stream.read(SCAN_BYTES):
            yield offset, block
            offset += len(block)


def _behind_line(stream: BinaryIO, at: int) -> int:
    """Position behind the next line feed."""
    while block := stream.read(1 << 16):
        found = block.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(block)
    return at


def _ranges(cuts: list[int], size: int) -> list[tuple[int, int]]:
    return list(zip([0, *cuts], [*cuts, size], strict=True))

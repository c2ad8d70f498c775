"""A stream of text as blocks that end where records end."""

from collections.abc import Iterator
from typing import BinaryIO

from models.reading.record_ends import RecordEnds
from models.reading.sources import BLOCK_BYTES


def whole_records(stream: BinaryIO, ends_of: RecordEnds) -> Iterator[tuple[bytes, str | None]]:
    """Whole records, some of them at a time; or the beginning of one that is refused, and the reason.

    Which records are `too_large` does not depend on where blocks begin. A last one that ends inside quotes is an
    `unclosed_quote`.
    """
    begun, length = b"", 0
    while block := stream.read(BLOCK_BYTES):
        ends = ends_of.find(block)
        if not len(ends):
            begun = (begun + block)[: BLOCK_BYTES + 1]
            length += len(block)
            continue
        first, last = int(ends[0]), int(ends[-1])
        if length + first > BLOCK_BYTES:
            yield begun or block[:first], "too_large"
            records = block[first:last]
        else:
            records = begun + block[:last]
        if records.strip():
            yield records, None
        begun, length = block[last:], len(block) - last
    if begun.strip():
        reason = "too_large" if length > BLOCK_BYTES else None
        yield begun, "unclosed_quote" if ends_of.inside else reason

"""Parquet: rows come as columns, by row group."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
import pyarrow.parquet

from models.reading.blocks import BLOCK_ROWS, Block, shown_row
from models.reading.byte_ranges import PIECE_BYTES
from models.reading.data_files import DataFile
from models.reading.sources import BLOCK_BYTES, Piece, Source
from models.reading.transcoding import open_stored
from schemas.errors import UserError


@contextmanager
def open_parquet(file: DataFile, source: Source) -> Iterator[pa.parquet.ParquetFile]:
    """A Parquet file, for a `with` block.

    Raises:
        UserError: it is none, or inside the block, it cannot be read any further.
    """
    try:
        if file.is_remote:
            with open_stored(file) as stream:
                yield pa.parquet.ParquetFile(pa.PythonFile(stream, mode="r"))
        else:
            with pa.parquet.ParquetFile(file.location) as parquet:
                yield parquet
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(
            f"{source.where}: {source.name(file)} cannot be read as Parquet: {error}. Expected a whole Parquet "
            "file that you may read; copy it again, set format: if it is something else, or leave it out of source."
        ) from None


def pieces(file: DataFile, source: Source) -> Iterator[Piece]:
    """A piece for each row group, or for some small ones."""
    with open_parquet(file, source) as parquet:
        sizes = [_size(parquet, group) for group in range(parquet.num_row_groups)]
    groups: list[int] = []
    size = rows = rows_before = 0
    for group, (group_size, group_rows) in enumerate(sizes):
        if groups and size + group_size > PIECE_BYTES:
            yield Piece((file,), row_groups=tuple(groups), rows_before=rows_before)
            rows_before += rows
            groups, size, rows = [], 0, 0
        groups.append(group)
        size += group_size
        rows += group_rows
    if groups:
        yield Piece((file,), row_groups=tuple(groups), rows_before=rows_before)


def read(piece: Piece, source: Source) -> Iterator[Block]:
    """All records of a piece."""
    columns = source.roles.source_columns()
    first = 1
    with open_parquet(piece.file, source) as parquet:
        count = min(map(partial(_batch_rows, parquet), piece.row_groups))
        for batch in parquet.iter_batches(count, row_groups=piece.row_groups, columns=columns, use_threads=False):
            rows = pa.array(range(first, first + len(batch)), pa.int64())
            yield Block(rows, {name: batch.column(name) for name in columns}, None, partial(shown_row, batch))
            first += len(batch)


def _size(parquet: pa.parquet.ParquetFile, group: int) -> tuple[int, int]:
    """Bytes once unpacked, and rows."""
    metadata = parquet.metadata.row_group(group)
    return metadata.total_byte_size, metadata.num_rows


def _batch_rows(parquet: pa.parquet.ParquetFile, group: int) -> int:
    """Rows that make about two blocks, so that long texts do not fill the memory."""
    size, rows = _size(parquet, group)
    return max(1, min(BLOCK_ROWS, 2 * BLOCK_BYTES * rows // max(1, size)))

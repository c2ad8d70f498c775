"""TFRecord files of `tf.train.Example`."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from models.reading.blocks import Block, refused_block, shown_row
from models.reading.data_files import DataFile
from models.reading.roles import Roles
from models.reading.sources import Piece, Source
from models.reading.transcoding import open_raw
from models.reading.values import first_reason, is_list, reason_where
from schemas.errors import UserError

BATCH_ROWS = 2048
COPY_BYTES = 1 << 20
SHOWN_BYTES = 100


def read(piece: Piece, source: Source) -> Iterator[Block]:
    """All records of a file."""
    import tensorflow as tf

    row = 1
    with _plain_file(piece.file) as path:
        serialized = tf.data.TFRecordDataset(path).batch(BATCH_ROWS).as_numpy_iterator()
        try:
            for batch in serialized:
                yield from _decoded(batch.tolist(), row, source.roles)
                row += len(batch)
        except tf.errors.DataLossError as error:
            raise UserError(
                f"{source.where}: {source.name(piece.file)} cannot be read as TFRecord: {_plain(error.message)}. "
                "Expected a whole TFRecord file; copy it again, set format: if it is something else, or leave it out "
                "of source."
            ) from None


def _plain(message: str) -> str:
    """What TensorFlow says, without where in its graph it says so.

    >>> _plain("{{function_node __wrapped__Next}} corrupted record at 82 [Op:IteratorGetNext] name: ")
    'corrupted record at 82'
    """
    return re.sub(r"\{\{.*?\}\}|\[Op:.*", "", message).strip()


@contextmanager
def _plain_file(file: DataFile) -> Iterator[str]:
    """A place from which TensorFlow can read the file. It can unpack gzip, but takes one cut off for a whole one."""
    if not file.is_remote and not file.packing:
        yield file.location
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records"
        with open_raw(file) as stream, path.open("wb") as copy:
            shutil.copyfileobj(stream, copy, COPY_BYTES)
        yield str(path)


def _decoded(serialized: list[bytes], row: int, roles: Roles) -> Iterator[Block]:
    """Examples of which the first has number `row`; one by one if one of them is none."""
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    try:
        batch = ExamplesToRecordBatchDecoder().DecodeBatch(serialized)
    except Exception:  # tfx_bsl knows only RuntimeError and ValueError, and does not promise which
        if len(serialized) == 1:
            yield refused_block([(row, "bad_example", repr(serialized[0][:SHOWN_BYTES]))])
            return
        for i, example in enumerate(serialized):
            yield from _decoded([example], row + i, roles)
        return
    yield _block(batch, row, roles)


def _block(batch: pa.RecordBatch, row: int, roles: Roles) -> Block:
    columns, reasons = {}, []
    for name in roles.source_columns():
        if name in batch.schema.names:
            column = batch.column(name)
            if not (roles.has_lists and name in roles.label):
                column, several = _single_values(column)
                reasons.append(several)
            columns[name] = column
    rows = pa.array(range(row, row + len(batch)), pa.int64())
    return Block(rows, columns, first_reason(*reasons), partial(shown_row, batch))


def _single_values(column: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Values of features that should have one each; `wrong_type` where there are more."""
    if not is_list(column.type):
        return column, None
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    at = pc.if_else(pc.equal(lengths, 1), pc.cast(column.offsets[:-1], pa.int64()), pa.scalar(None, pa.int64()))
    return column.values.take(at), reason_where(pc.greater(lengths, 1), "wrong_type")

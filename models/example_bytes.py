"""Record batches as serialized `tf.train.Example`s."""

from collections.abc import Iterator

import pyarrow as pa
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder


def encode(batch: pa.RecordBatch) -> Iterator[bytes]:
    """Serialized tf.train.Example of each row of list columns, byte for byte the same in every process.

    The order of a proto map differs between processes, so each column is encoded alone; proto messages merge when
    their bytes are joined, and TensorFlow's parser follows that.
    """
    encoder = RecordBatchToExamplesEncoder()
    columns = [encoder.encode(batch.select([name])) for name in batch.schema.names]
    return map(b"".join, zip(*columns, strict=True))

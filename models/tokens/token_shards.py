"""One Parquet shard of texts in, one TFRecord shard of token ids out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tensorflow as tf
from apache_beam.utils.shared import Shared

from models.tokens.example_bytes import encode
from models.tokens.framing import Ragged, frame, kept_lengths, room
from models.tokens.record_files import write_records
from models.tokens.token_counts import TokenCounts
from models.tokens.token_features import features, needed
from models.tokens.tokenizing import WordPieceTokenizer
from schemas.columns import Columns
from schemas.reports import Tokenization

BATCH_ROWS = 8192
BATCH_BYTES = 16 << 20  # of rows as Parquet holds them before compression; long texts come in smaller batches


@dataclass(frozen=True)
class Layout:
    """What rows of tokens are made of.

    Args:
        vocabulary: WordPieces by id.
        tokenization: how to cut.
        columns: of the examples.
        labels: position is the class index; other labels become -1.
        categories: likewise for each categorical column.
    """

    vocabulary: Sequence[str]
    tokenization: Tokenization
    columns: Columns
    labels: list[str]
    categories: dict[str, list[str]]


@dataclass(frozen=True)
class Shard:
    """Where a shard lies, where its tokens go, and where `TokenCounts`."""

    source: str
    target: str
    counts: str


class TokenizeShard(beam.DoFn):
    """Write the tokens of a shard, in its order, and count them."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._shared = Shared()

    def setup(self) -> None:
        """Build the tokenizer once per process: it takes 0.4 seconds with 30,000 WordPieces."""
        self._tokenizer = self._shared.acquire(
            lambda: WordPieceTokenizer(self._layout.vocabulary, self._layout.tokenization)
        )

    def process(self, shard: Shard) -> None:
        """Tokenize one shard."""
        counts = TokenCounts()
        with Path(shard.target).open("wb") as file:
            for batch in _batches(shard.source, needed(self._layout.columns)):
                write_records(file, encode(self._tokenized(batch, counts)))
        counts.write(Path(shard.counts))

    def _tokenized(self, batch: pa.RecordBatch, counts: TokenCounts) -> pa.RecordBatch:
        """The features of a batch, each a list per row, as tf.train.Example has it."""
        layout, limit = self._layout, self._layout.tokenization.max_length
        texts = [self._pieces(batch.column(name)) for name in layout.columns.texts()]
        kept = [text.lengths() for text in texts]
        uncut = 1 + sum(length + 1 for length in kept)
        if len(texts) == 2:
            first, second = kept
            kept = list(kept_lengths(first, second, room(limit, 2), layout.tokenization.truncation))
        else:
            kept = [np.minimum(kept[0], room(limit, 1))]
        ids, segments = frame(texts, kept, self._tokenizer.cls_id, self._tokenizer.sep_id)
        counts.count(np.asarray(uncut), ids.values, max_length=limit, unknown=self._tokenizer.unk_id)
        splits = ids.splits.astype(np.int32)
        found = {"token_ids": pa.ListArray.from_arrays(splits, ids.values)}
        if len(texts) == 2:
            found["segment_ids"] = pa.ListArray.from_arrays(splits, segments)
        return pa.record_batch(found | features(batch, layout.columns, layout.labels, layout.categories))

    def _pieces(self, texts: pa.Array) -> Ragged:
        strings = pc.fill_null(texts, "").cast(pa.binary()).to_numpy(zero_copy_only=False)
        pieces = self._tokenizer.pieces(tf.constant(strings, tf.string))
        return Ragged(pieces.values.numpy(), pieces.row_splits.numpy())


def _batches(source: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(source, memory_map=True)
    groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
    size = max([group.total_byte_size / group.num_rows for group in groups if group.num_rows], default=1)
    rows = int(np.clip(BATCH_BYTES // max(size, 1), 1, BATCH_ROWS))
    yield from file.iter_batches(rows, columns=columns, use_threads=False)

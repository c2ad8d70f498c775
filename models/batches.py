"""Tokens in, padded batches out: few widths, every row, the same order for the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

# Shards are filled by content, so rows come in a random order already; 100,000 rows are about 100 MB.
SHUFFLE_WINDOW = 100_000
FEATURES = {"token_ids": tf.io.RaggedFeature(tf.int64), "label": tf.io.FixedLenFeature([], tf.int64)}


def bucket_lengths(max_length: int) -> list[int]:
    """The widths that batches may have: powers of two and the middles between them, up to `max_length`.

    From 8 tokens on at most a third of a batch is padding, and a compiler that wants one program per shape
    needs only a handful.

    >>> bucket_lengths(100)
    [8, 16, 24, 32, 48, 64, 96, 100]
    """
    powers = [2**exponent for exponent in range(3, max_length.bit_length() + 1)]
    widths = sorted({*powers, *(power * 3 // 2 for power in powers[1:])})
    return [width for width in widths if width < max_length] + [max_length]


@dataclass(frozen=True)
class Survey:
    """What one look through a split's files found.

    Args:
        rows_per_width: rows with a known label, per bucket width.
        unseen: rows whose label the train split does not have (label -1).
    """

    rows_per_width: dict[int, int]
    unseen: int

    @property
    def rows(self) -> int:
        """Rows that can be trained on or judged."""
        return sum(self.rows_per_width.values())

    def steps(self, batch_size: int) -> int:
        """Batches in one epoch; each width may end with a smaller one.

        >>> Survey({8: 5, 16: 1}, unseen=0).steps(batch_size=4)
        3
        """
        return sum(-(-rows // batch_size) for rows in self.rows_per_width.values())


def survey(files: Sequence[Path], max_length: int) -> Survey:
    """Count the rows of a split by bucket width."""
    widths = np.array(bucket_lengths(max_length))
    rows = np.zeros(len(widths), np.int64)
    unseen = 0
    for records in tf.data.TFRecordDataset(_names(files)).batch(4096):
        batch = tf.io.parse_example(records, FEATURES)
        known = batch["label"].numpy() >= 0
        lengths = batch["token_ids"].row_lengths().numpy()[known]
        rows += np.bincount(np.searchsorted(widths, lengths), minlength=len(widths))
        unseen += int(np.sum(~known))
    counts = {int(width): int(count) for width, count in zip(widths, rows, strict=True) if count}
    return Survey(counts, unseen)


def batches(
    files: Sequence[Path], found: Survey, *, max_length: int, batch_size: int, shuffle_seed: int | None = None
) -> tf.data.Dataset:
    """Length-bucketed batches of every row with a known label, partial last batches included.

    Args:
        files: TFRecord shards of a `Tokens` split.
        found: what `survey` says about the same files.
        max_length: no row is longer.
        batch_size: rows per batch.
        shuffle_seed: gives every epoch another order, the same ones in every run; None keeps the files'.

    Returns:
        A dataset of `({"token_ids", "segment_ids", "padding_mask"}, label)`: int32 [n, width] three times and
        int64 [n]. It knows its number of batches and fails if it finds another.
    """
    records = tf.data.TFRecordDataset(_names(files))
    if shuffle_seed is not None:
        window = max(1, min(found.rows, SHUFFLE_WINDOW))
        records = records.shuffle(window, seed=shuffle_seed, reshuffle_each_iteration=True)
    rows = records.map(_parse, num_parallel_calls=2).filter(lambda _, label: label >= 0)
    widths = bucket_lengths(max_length)
    padded = rows.bucket_by_sequence_length(
        lambda inputs, _: tf.size(inputs["token_ids"]),
        bucket_boundaries=[width + 1 for width in widths],  # a boundary is the first length that is too long
        bucket_batch_sizes=[batch_size] * (len(widths) + 1),
        pad_to_bucket_boundary=True,
    )
    counted = padded.apply(tf.data.experimental.assert_cardinality(found.steps(batch_size)))
    return counted.prefetch(2)


def _parse(record: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """One row; padding fills all three inputs with 0 later, which is what the mask means."""
    row = tf.io.parse_single_example(record, FEATURES)
    ids = tf.cast(row["token_ids"], tf.int32)
    return {"token_ids": ids, "segment_ids": tf.zeros_like(ids), "padding_mask": tf.ones_like(ids)}, row["label"]


def _names(files: Sequence[Path]) -> tf.Tensor:
    return tf.constant([str(file) for file in files], tf.string)

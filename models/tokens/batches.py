"""Tokens in, padded batches out: few widths, every row, the same order for the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from schemas.columns import Columns

# Shards are filled by content, so rows come in a random order already; 100,000 rows are about 100 MB.
SHUFFLE_WINDOW = 100_000
CLASSES = Columns()


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


def survey(files: Sequence[Path], max_length: int, columns: Columns = CLASSES) -> Survey:
    """Count the rows of a split by bucket width."""
    widths = np.array(bucket_lengths(max_length))
    rows = np.zeros(len(widths), np.int64)
    unseen = 0
    wanted = {name: feature for name, feature in _features(columns).items() if name in ("token_ids", "label")}
    for records in tf.data.TFRecordDataset(_names(files)).batch(4096):
        batch = tf.io.parse_example(records, wanted)
        known = _is_known(batch, columns).numpy()
        lengths = batch["token_ids"].row_lengths().numpy()[known]
        rows += np.bincount(np.searchsorted(widths, lengths), minlength=len(widths))
        unseen += int(np.sum(~known))
    counts = {int(width): int(count) for width, count in zip(widths, rows, strict=True) if count}
    return Survey(counts, unseen)


def batches(
    files: Sequence[Path],
    found: Survey,
    *,
    max_length: int,
    batch_size: int,
    shuffle_seed: int | None = None,
    columns: Columns = CLASSES,
    classes: int = 0,
) -> tf.data.Dataset:
    """Length-bucketed batches of every row with a known label, partial last batches included.

    Args:
        files: TFRecord shards of a `Tokens` split.
        found: what `survey` says about the same files.
        max_length: no row is longer.
        batch_size: rows per batch.
        shuffle_seed: gives every epoch another order, the same ones in every run; None keeps the files'.
        columns: what the rows have, as their summary says.
        classes: how many there are, where a row can have several.

    Returns:
        A dataset of `({"token_ids", "segment_ids", "padding_mask"}, label)`: int32 [n, width] three times, and the
        label: int64 [n] of a class, float32 [n, classes] of several (0 or 1 each), float32 [n] of a value. Where the
        columns have them the inputs hold `numeric`, float32 [n, features], and `categorical`, int64 [n, features],
        and a weight, float32 [n], comes third. It knows its number of batches and fails if it finds another.
    """
    records = tf.data.TFRecordDataset(_names(files))
    if shuffle_seed is not None:
        window = max(1, min(found.rows, SHUFFLE_WINDOW))
        records = records.shuffle(window, seed=shuffle_seed, reshuffle_each_iteration=True)
    wanted = _features(columns)
    parsed = records.map(lambda record: tf.io.parse_single_example(record, wanted), num_parallel_calls=2)
    known = parsed.filter(lambda row: _is_known(row, columns))
    rows = known.map(lambda row: _inputs_and_targets(row, columns, classes), num_parallel_calls=2)
    widths = bucket_lengths(max_length)
    padded = rows.bucket_by_sequence_length(
        lambda inputs, *_: tf.size(inputs["token_ids"]),
        bucket_boundaries=[width + 1 for width in widths],  # a boundary is the first length that is too long
        bucket_batch_sizes=[batch_size] * (len(widths) + 1),
        pad_to_bucket_boundary=True,
    )
    counted = padded.apply(tf.data.experimental.assert_cardinality(found.steps(batch_size)))
    return counted.prefetch(2)


def _features(columns: Columns) -> dict[str, Any]:
    """What to parse of a row."""
    labels = {
        "class": tf.io.FixedLenFeature([], tf.int64),
        "classes": tf.io.RaggedFeature(tf.int64),
        "value": tf.io.FixedLenFeature([], tf.float32),
    }
    found: dict[str, Any] = {"token_ids": tf.io.RaggedFeature(tf.int64)}
    if columns.text_pair:
        found["segment_ids"] = tf.io.RaggedFeature(tf.int64)
    if columns.label is not None:
        found["label"] = labels[columns.label]
    if columns.weight:
        found["weight"] = tf.io.FixedLenFeature([], tf.float32)
    if columns.numeric:
        found["numeric"] = tf.io.FixedLenFeature([len(columns.numeric)], tf.float32)
    if columns.categorical:
        found["categorical"] = tf.io.FixedLenFeature([len(columns.categorical)], tf.int64)
    return found


def _is_known(row: dict[str, tf.Tensor], columns: Columns) -> tf.Tensor:
    """Whether the label of a row, or of each of a batch of rows, can be learnt or judged."""
    if columns.label == "class":
        return row["label"] >= 0
    if columns.label == "value":
        return tf.math.is_finite(row["label"])
    ids = row["token_ids"]
    rows = ids.nrows() if isinstance(ids, tf.RaggedTensor) else []
    return tf.fill(rows, True)


def _inputs_and_targets(row: dict[str, tf.Tensor], columns: Columns, classes: int) -> tuple[Any, ...]:
    """One row as a model takes it; padding fills the texts with 0 later, which is what the mask means."""
    ids = tf.cast(row["token_ids"], tf.int32)
    segments = tf.cast(row["segment_ids"], tf.int32) if columns.text_pair else tf.zeros_like(ids)
    inputs = {"token_ids": ids, "segment_ids": segments, "padding_mask": tf.ones_like(ids)}
    inputs |= {name: row[name] for name in ("numeric", "categorical") if name in row}
    targets = [row["label"]] if columns.label is not None else []
    if columns.label == "classes":
        targets = [tf.reduce_sum(tf.one_hot(row["label"], classes), axis=0)]
    return (inputs, *targets, *([row["weight"]] if columns.weight else []))


def _names(files: Sequence[Path]) -> tf.Tensor:
    return tf.constant([str(file) for file in files], tf.string)

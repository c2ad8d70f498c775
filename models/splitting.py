"""Which split and shard a record belongs to, told from its own content alone."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from schemas.artifacts import SPLITS

ID_BYTES = 12


@dataclass(frozen=True)
class Buckets:
    """Numbers the places a record can go to: split, shard of the split, slice of the shard.

    Equal texts share split and shard, whatever file or batch they come in and whatever their labels are. A slice
    is what a writer holds in memory at a time: a range of ids, so that the number of slices does not show.

    Args:
        eval_share: share of the different texts that go to eval.
        test_share: share of the different texts that go to test.
        seed: another seed deals the texts out anew.
        shards: files per split.
        slices: at most 256.
    """

    eval_share: float
    test_share: float
    seed: int
    shards: int
    slices: int = 1

    def of(self, texts: pa.Array, ids: pa.Array) -> np.ndarray:
        """The bucket of each record: strings [n] to int64 [n]."""
        key = str(self.seed).encode()
        hashes = b"".join(blake2b(text, digest_size=16, key=key).digest() for text in as_bytes(texts))
        position, shard = np.frombuffer(hashes, ">u8").reshape(-1, 2).T
        piece = np.array([int(name[:2], 16) for name in ids.to_pylist()], int) * self.slices // 256
        bounds = np.array([1 - self.eval_share - self.test_share, 1 - self.test_share]) * 2.0**64
        split = np.searchsorted(bounds, position.astype(float), side="right")
        shard = (shard % np.uint64(self.shards)).astype(int)
        return (split * self.shards + shard) * self.slices + piece

    def place(self, bucket: int) -> tuple[str, int, int]:
        """Split, shard and slice of a bucket.

        >>> Buckets(eval_share=0.1, test_share=0.1, seed=0, shards=4, slices=2).place(13)
        ('eval', 2, 1)
        """
        rest, piece = divmod(bucket, self.slices)
        split, shard = divmod(rest, self.shards)
        return SPLITS[split], shard, piece


def content_ids(texts: pa.Array, labels: pa.Array) -> pa.Array:
    """A name for each record that depends on its text and label only: strings [n] to 24 hex digits [n]."""
    return pa.array(
        [
            blake2b(b"%d:%b%b" % (len(label), label, text), digest_size=ID_BYTES).hexdigest()
            for text, label in zip(as_bytes(texts), as_bytes(labels), strict=True)
        ],
        pa.string(),
    )


def number_repeats(ids: pa.Array) -> pa.Array:
    """Make sorted ids unique: the second of its kind gets `-2` behind it, and so on.

    >>> number_repeats(pa.array(["a", "b", "b", "b"])).to_pylist()
    ['a', 'b', 'b-2', 'b-3']
    """
    names = ids.to_numpy(zero_copy_only=False)
    is_new = np.append(True, names[1:] != names[:-1])[: len(names)]
    if is_new.all():
        return ids
    starts = np.flatnonzero(is_new)
    run = np.arange(len(names)) - starts[np.cumsum(is_new) - 1]
    return pa.array([name if n == 0 else f"{name}-{n + 1}" for name, n in zip(names, run, strict=True)], pa.string())


def as_bytes(strings: pa.Array) -> list[bytes]:
    """UTF-8 of each string."""
    encoded: list[bytes] = strings.cast(pa.binary()).to_pylist()
    return encoded

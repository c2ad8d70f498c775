"""What makes two records the same: 64-bit keys of texts, ids of whole records, and seeded numbers made from keys."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Control characters, which cleaning takes out of texts.
BETWEEN_COLUMNS, BETWEEN_ITEMS, NOTHING = "\x1f", "\x1e", "\x00"


def keys_of(strings: pa.Array) -> np.ndarray:
    """A 64-bit key for each string, the same in every process: strings [n] to uint64 [n].

    Two of 8 million different strings share a key with a probability of 2 in a million.
    """
    digests = b"".join([blake2b(value, digest_size=8).digest() for value in strings.cast(pa.binary()).to_pylist()])
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def joined(columns: Sequence[pa.Array], rows: int) -> pa.Array:
    """The columns of each row as one string; nulls and lists too."""
    strings = [_as_strings(column) for column in columns]
    if not strings:
        return pa.array([""] * rows, pa.string())
    return pc.binary_join_element_wise(
        *strings, BETWEEN_COLUMNS, null_handling="replace", null_replacement=NOTHING
    ).cast(pa.string())


def content_ids(keys: np.ndarray, contents: pa.Array) -> pa.Array:
    """A name for each record that depends on its content only, and sorts as its key does.

    Args:
        keys: uint64 [n], of the texts.
        contents: strings [n], everything else too.

    Returns:
        24 hex digits [n]: 16 of the key, 8 of the content.
    """
    rest = [blake2b(value, digest_size=4).hexdigest() for value in contents.cast(pa.binary()).to_pylist()]
    return pa.array([f"{key:016x}{digest}" for key, digest in zip(keys.tolist(), rest, strict=True)], pa.string())


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


def dealt(keys: np.ndarray, *, purpose: str, seed: int) -> np.ndarray:
    """An even random number for each key: uint64 [n] to uint64 [n], another for each purpose and seed.

    Equal keys get equal numbers. The mixing is that of SplitMix64 (Steele, Lea and Flood 2014).
    """
    start = blake2b(f"{purpose}/{seed}".encode(), digest_size=8).digest()
    z = np.asarray(keys, np.uint64) ^ np.frombuffer(start, "<u8")
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> np.uint64(31))


def _as_strings(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return pc.binary_join(column, BETWEEN_ITEMS)
    return column.cast(pa.string())

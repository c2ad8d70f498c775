"""Texts to MinHash signatures: equal texts have equal ones, similar texts agree in many places.

The share of places in which two signatures agree estimates the Jaccard similarity of the texts' shingles (Broder 1997).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rensa import RMinHash

from schemas.errors import UserError

SEED = 20_250_131
HORNER = np.uint64(0x9E3779B97F4A7C15)
# rensa hands its matrix over as lists of ints: fast while they fit the cache, a quarter of the speed at 20,000 rows.
# `struct` packs such a list in a third of NumPy's time.
CHUNK_ROWS = 256
CHUNK_CHARACTERS = 1 << 17


@dataclass(frozen=True)
class NearDuplicates:
    """When two texts count as near duplicates, and how hard to look for them.

    Args:
        threshold: least estimated Jaccard similarity of two texts' shingles, above 0 and at most 1.
        permutations: places in a signature; the standard error of an estimate is at most 0.5 / sqrt(permutations).
        bands: the signature is cut into so many bands, and texts that agree in all places of one are compared. Must
            divide `permutations`. More bands find more pairs and compare more in vain.
        shingle: a text's shingles are all its substrings of so many characters.
    """

    threshold: float = 0.65
    permutations: int = 64
    bands: int = 16
    shingle: int = 4

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not 0 < self.threshold <= 1:
            raise UserError(f"near duplicates: threshold must be above 0 and at most 1. Received {self.threshold}.")
        if self.shingle < 1:
            raise UserError(f"near duplicates: a shingle has at least 1 character. Received {self.shingle}.")
        if self.bands < 1 or self.permutations < 1 or self.permutations % self.bands:
            raise UserError(
                f"near duplicates: bands must divide permutations, as 16 does 64. "
                f"Received {self.bands} bands and {self.permutations} permutations."
            )


def signatures(texts: pa.StringArray, settings: NearDuplicates) -> np.ndarray:
    """The MinHash signature of each text: strings [n] to uint32 [n, permutations].

    A signature depends on its text and the settings alone. Texts should come normalised (case, white space); one
    shorter than a shingle counts as a single shingle, a null as an empty text.

    >>> first, second, third = signatures(pa.array(["to be", "or not", "to be"]), NearDuplicates())
    >>> (first == third).all(), (first == second).any()
    (np.True_, np.False_)
    """
    texts = texts.cast(pa.string())
    out = np.empty((len(texts), settings.permutations), np.uint32)
    row = Struct(f"={settings.permutations}I")
    for start, stop in _chunks(texts):
        hashes, offsets = shingle_hashes(texts[start:stop], settings.shingle)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, settings.permutations, SEED)
        packed = b"".join([row.pack(*values) for values in matrix.to_rows()])
        out[start:stop] = np.frombuffer(packed, np.uint32).reshape(-1, settings.permutations)
    return out


def shingle_hashes(texts: pa.StringArray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Hash all substrings of `size` characters: strings [n] to uint64 hashes and uint64 offsets [n + 1] into them.

    >>> hashes, offsets = shingle_hashes(pa.array(["banana", "ana", "a"]), 3)
    >>> offsets.tolist(), (hashes[[1, 3]] == hashes[4]).tolist()
    ([0, 4, 5, 6], [True, True])
    """
    padded = pc.utf8_rpad(pc.fill_null(texts, ""), size)
    offsets = np.concatenate([[0], np.cumsum(pc.utf8_length(padded).to_numpy(), dtype=np.int64)])
    characters = _code_points(padded).astype(np.uint64)
    hashes = characters[: len(characters) - size + 1].copy()
    for shift in range(1, size):
        hashes *= HORNER
        hashes += characters[shift : len(characters) - size + 1 + shift]
    inside = np.ones(len(hashes), bool)
    for back in range(1, size):
        inside[offsets[1:-1] - back] = False
    return hashes[inside], (offsets - (size - 1) * np.arange(len(offsets))).astype(np.uint64)


def _code_points(texts: pa.StringArray) -> np.ndarray:
    """All characters one after the other: uint32."""
    bounds = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = memoryview(texts.buffers()[2] or b"")[bounds[0] : bounds[-1]]
    return np.frombuffer(str(data, "utf-8").encode("utf-32-le"), np.uint32)


def _chunks(texts: pa.StringArray) -> Iterator[tuple[int, int]]:
    """Cut rows so that the work on a piece stays in the cache."""
    ends = np.cumsum(pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False), dtype=np.int64)
    start = 0
    while start < len(texts):
        before = ends[start - 1] if start else 0
        fitting = int(np.searchsorted(ends, before + CHUNK_CHARACTERS, side="right"))
        stop = min(max(fitting, start + 1), start + CHUNK_ROWS)
        yield start, stop
        start = stop

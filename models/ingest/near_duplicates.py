"""Which of millions of texts nearly equal each other: MinHash with locality-sensitive hashing (Leskovec et al., ch. 3).

Signatures come from `sketches.py` and lie on disk (`sketch_files.py`). Memory holds the hashes of a band at a
time, what is known to be joined, and the pairs that were found: 33 bytes a row at 8 million rows of which a tenth had a
near duplicate, 70 where all had some.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.ingest.sketch_files import CHANCE, SignatureFiles
from models.ingest.sketches import NearDuplicates

LOW = np.uint64(32)
BLOCK_ROWS = 1 << 19
COMPARED_PAIRS = 1 << 17
# A run of equal hashes is compared with its leader, what is unlike it with the next leader, and so on. After that
# many leaders the rest is left to other bands: a million rows that share a phrase cost 16 million comparisons at most.
LEADERS = 16


def find_edges(folder: Path, settings: NearDuplicates) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find pairs of near duplicates among the signatures in a folder, enough of them to connect each group.

    Pairs that earlier ones connect already are not looked at. The answer depends on keys, signatures and settings
    alone: not on the order of rows nor on the files they lie in.

    Args:
        folder: filled by `write_signatures`.
        settings: those that the signatures were made with; the threshold may be another.

    Returns:
        uint64 [m] and uint64 [m]: the smaller and the larger key of each pair, sorted, no pair twice; and float32 [m]:
        the estimated Jaccard similarity of the two, at least the threshold.
    """
    search = _Search(SignatureFiles(folder, settings), settings.threshold)
    for band in range(settings.bands):
        search.look_through(band)
    return search.found()


def groups(keys_a: np.ndarray, keys_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected components of pairs: [m], [m] to the keys that occur, sorted, and each one's representative.

    A group is represented by its smallest key.

    >>> keys, representatives = groups(np.array([7, 5, 1]), np.array([9, 7, 4]))
    >>> keys.tolist(), representatives.tolist()
    ([1, 4, 5, 7, 9], [1, 1, 5, 5, 5])
    """
    # np.unique with `return_inverse` takes twice the memory and, without, hashes: ten times as long as sorting.
    keys = np.sort(np.concatenate([keys_a, keys_b]))
    keys = keys[_starts_run(keys)]
    ends = [np.searchsorted(keys, end).astype(np.int32) for end in (keys_a, keys_b)]
    graph = coo_array((np.ones(len(keys_a), bool), ends), shape=(len(keys), len(keys)))
    count, component = connected_components(graph, directed=False)
    smallest = np.full(count, len(keys), np.int32)
    np.minimum.at(smallest, component, np.arange(len(keys), dtype=np.int32))
    return keys, keys[smallest[component]]


class _Search:
    """What is known so far. Rows go by the rank of their key among all keys, so that order and files cannot show."""

    def __init__(self, files: SignatureFiles, threshold: float) -> None:
        self._files = files
        self._threshold = threshold
        keys = files.keys()
        order = np.argsort(keys, kind="stable").astype(np.uint32)
        is_new = _starts_run(keys[order])
        self._row_of = order[is_new]
        self._rank_of = np.empty(len(keys), np.uint32)
        self._rank_of[order] = np.cumsum(is_new, dtype=np.uint32) - np.uint32(1)
        self._group = np.arange(len(self._row_of), dtype=np.uint32)
        self._pairs: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def look_through(self, band: int) -> None:
        """Compare rows that share the hash of a band."""
        known = len(self._pairs)
        for ranks, runs in self._blocks_of_runs(band):
            self._compare(ranks, runs)
        for first, second, _ in self._pairs[known:]:
            self._join(first, second)
        self._group = self._roots(self._group)

    def found(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All pairs, sorted: keys, keys and similarities."""
        empty = np.empty(0, np.uint32), np.empty(0, np.uint32), np.empty(0, np.float32)
        first, second, similarity = (np.concatenate(parts) for parts in zip(empty, *self._pairs, strict=False))
        order = np.argsort(first.astype(np.uint64) << LOW | second)
        keys = self._files.keys()
        return keys[self._row_of[first[order]]], keys[self._row_of[second[order]]], similarity[order]

    def _blocks_of_runs(self, band: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Ranks of rows that share a hash, by hash and rank, and the hash of each: some whole runs at a time."""
        # Hash and rank in one number: sorting numbers in place takes a tenth of the time and memory of sorting indices.
        packed = np.empty(len(self._files), np.uint64)
        self._files.read_band(band, packed)
        packed <<= LOW
        packed |= self._rank_of
        packed.sort()
        if len(self._row_of) < len(packed):
            packed = packed[_starts_run(packed)]
        differs = np.ones(len(packed) + 1, bool)
        for start in range(1, len(packed), BLOCK_ROWS):
            part = packed[start - 1 : start + BLOCK_ROWS]
            differs[start : start + len(part) - 1] = (part[1:] ^ part[:-1]) >> LOW
        packed = packed[~(differs[1:] & differs[:-1])]
        start = 0
        while start < len(packed):
            last = packed[min(start + BLOCK_ROWS, len(packed)) - 1]
            stop = int(np.searchsorted(packed, last | np.uint64(0xFFFFFFFF), side="right"))
            yield packed[start:stop].astype(np.uint32), (packed[start:stop] >> LOW).astype(np.uint32)
            start = stop

    def _compare(self, ranks: np.ndarray, runs: np.ndarray) -> None:
        """Compare each run with its first row, then those that differ from it with the first of them, and so on."""
        for _ in range(LEADERS):
            is_leader = _starts_run(runs)
            leaders = ranks[is_leader][np.cumsum(is_leader) - 1][~is_leader]
            ranks, runs = ranks[~is_leader], runs[~is_leader]
            apart = self._group[leaders] != self._group[ranks]
            leaders, ranks, runs = leaders[apart], ranks[apart], runs[apart]
            if not len(ranks):
                return
            similarity = self._similarity(leaders, ranks)
            alike = similarity >= self._threshold
            self._pairs.append((leaders[alike], ranks[alike], similarity[alike]))
            ranks, runs = ranks[~alike], runs[~alike]

    def _similarity(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Estimated Jaccard similarity of pairs of ranks: float32 [m]."""
        out = np.empty(len(first), np.float32)
        for start in range(0, len(first), COMPARED_PAIRS):
            part = slice(start, start + COMPARED_PAIRS)
            ours, theirs = (self._files.low_bytes(self._row_of[ranks[part]]) for ranks in (first, second))
            out[part] = (ours == theirs).mean(axis=1)
        return np.maximum((out - CHANCE) / (1 - CHANCE), 0)

    def _join(self, first: np.ndarray, second: np.ndarray) -> None:
        """Merge the groups of pairs of ranks; a group goes by its smallest rank."""
        old, new = groups(self._roots(first), self._roots(second))
        self._group[old] = new

    def _roots(self, ranks: np.ndarray) -> np.ndarray:
        """The rank that each one's group goes by now."""
        found = self._group[ranks]
        while True:
            further = self._group[found]
            if np.array_equal(found, further):
                return found
            found = further


def _starts_run(values: np.ndarray) -> np.ndarray:
    """Which values differ from the one before: bool [n]."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]

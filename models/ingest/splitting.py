"""Where a record belongs: a bucket told from its text alone, a split told from its group."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.ingest.identity import dealt

TRAIN, EVAL, TEST = range(3)


@dataclass(frozen=True)
class Buckets:
    """Numbers the places that hold equal texts together: a shard, and a slice of it.

    A shard becomes one file of each split. A slice is what a worker holds in memory at a time: a range of keys, so
    that the number of slices does not show.

    Args:
        shards: files per split.
        slices: at most 4096 per shard.
        seed: another seed deals the texts to other shards.
    """

    shards: int
    slices: int
    seed: int

    def of(self, keys: np.ndarray) -> np.ndarray:
        """The bucket of each key: uint64 [n] to int64 [n]."""
        shard = dealt(keys, purpose="shard", seed=self.seed) % np.uint64(self.shards)
        part = (keys >> np.uint64(52)) * np.uint64(self.slices) >> np.uint64(12)
        return (shard * np.uint64(self.slices) + part).astype(np.int64)

    def of_shard(self, shard: int) -> range:
        """The buckets of a shard, in the order of their keys.

        >>> Buckets(shards=4, slices=3, seed=0).of_shard(2)
        range(6, 9)
        """
        return range(shard * self.slices, (shard + 1) * self.slices)

    def __len__(self) -> int:
        return self.shards * self.slices


class Groups:
    """Keys that belong together, each with its representative, the smallest key of the group.

    Mapped from disk, so that all workers share one copy of what may be millions of keys.

    Args:
        folder: holds `members.npy` and `representatives.npy`: uint64 [m] each, sorted by member.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.members, self._representatives = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("members", "representatives")
        )

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        return Groups, (self.folder,)

    def __len__(self) -> int:
        return len(self.members)

    @staticmethod
    def write(folder: Path, members: np.ndarray, representatives: np.ndarray) -> "Groups":
        """Keep groups in a folder; members come in any order."""
        folder.mkdir(parents=True)
        order = np.argsort(members)
        np.save(folder / "members.npy", members[order])
        np.save(folder / "representatives.npy", representatives[order])
        return Groups(folder)

    def of(self, keys: np.ndarray) -> np.ndarray:
        """The representative of each key, which is itself for a key without a group: uint64 [n] to uint64 [n]."""
        return self.look_up(keys, self._representatives, keys)

    def look_up(self, keys: np.ndarray, values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
        """For each key its member's value (values are in the order of members), or what stands in `otherwise`."""
        if not len(self.members):
            return otherwise
        at = np.minimum(np.searchsorted(self.members, keys), len(self.members) - 1)
        return np.where(self.members[at] == keys, values[at], otherwise)


@dataclass(frozen=True)
class Strata:
    """Where eval and test begin within each label.

    Args:
        names: uint64 [s], sorted.
        bounds: uint64 [s, 2].
        of_members: uint64 [m], the stratum of each member of a group, in their order.
    """

    names: np.ndarray
    bounds: np.ndarray
    of_members: np.ndarray


@dataclass(frozen=True)
class Splits:
    """Deals keys to splits; keys that belong together are dealt as their representative.

    Args:
        groups: who belongs together.
        eval_share: share of the keys that go to eval.
        test_share: share of the keys that go to test.
        seed: another seed deals the keys out anew.
        strata: where the shares are to hold within each label.
    """

    groups: Groups
    eval_share: float
    test_share: float
    seed: int
    strata: Strata | None = None

    def positions(self, keys: np.ndarray) -> np.ndarray:
        """Where each key falls between 0 and 2^64, the same for keys that belong together."""
        return dealt(self.groups.of(keys), purpose="split", seed=self.seed)

    def of(self, keys: np.ndarray, strata: np.ndarray | None = None) -> np.ndarray:
        """The split of each key as an index into SPLITS: uint64 [n] to int64 [n].

        Args:
            keys: what is dealt.
            strata: uint64 [n], the stratum of each key itself; only where shares hold within labels.
        """
        bounds = even_bounds(self.eval_share, self.test_share)[np.newaxis]
        if self.strata is not None and strata is not None:
            names = self.groups.look_up(keys, self.strata.of_members, strata)
            bounds = self.strata.bounds[np.searchsorted(self.strata.names, names)]
        return (self.positions(keys)[:, np.newaxis] >= bounds).sum(axis=1)


def even_bounds(eval_share: float, test_share: float) -> np.ndarray:
    """Where eval and test begin when positions are even: uint64 [2]; the largest number stands for never."""
    starts = [1 - eval_share - test_share, 1 - test_share]
    return np.array([2**64 - 1 if start >= 1 else int(start * 2.0**64) for start in starts], np.uint64)


def stratified_bounds(positions: np.ndarray, eval_share: float, test_share: float) -> np.ndarray:
    """Where eval and test begin so that they hold their shares of these very rows: uint64 [n] to uint64 [2].

    >>> stratified_bounds(np.arange(10, dtype=np.uint64), eval_share=0.2, test_share=0.1)
    array([7, 9], dtype=uint64)
    """
    ordered = np.append(np.sort(positions), np.uint64(2**64 - 1))
    starts = np.array([1 - eval_share - test_share, 1 - test_share]) * len(positions)
    return ordered[np.round(starts).astype(int)]

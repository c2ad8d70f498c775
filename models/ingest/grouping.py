"""Decisions that need all records at once: who belongs together, where splits begin, what given splits share.

Everything here reads a few columns of the settled buckets, mapped from disk: 8 to 17 bytes a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.ingest.dropping import drop_near_duplicates, drop_repeated_ids, remaining
from models.ingest.identity import joined, keys_of
from models.ingest.near_duplicates import find_edges, groups
from models.ingest.plan import Plan
from models.ingest.splitting import EVAL, TEST, TRAIN, Groups, Splits, Strata, stratified_bounds
from schemas.artifacts import SPLITS
from schemas.reports import Leak


@dataclass(frozen=True)
class Decision:
    """What `decide` found out; the groups themselves and what is to be dropped lie in the plan's folder.

    Args:
        splits: deals every record.
        near_duplicates: records that stay and have a near duplicate among those that stay.
        leaks: what the splits of the source share, if it brings any.
    """

    splits: Splits
    near_duplicates: int
    leaks: list[Leak]


def decide(plan: Plan, eval_share: float, test_share: float) -> Decision:
    """Find groups and bounds, and keep them in the plan's folder for the workers.

    Args:
        plan: whose first pipeline has run.
        eval_share: of the records whose split the source does not say.
        test_share: likewise.
    """
    folder = plan.folder / "groups"
    nobody = np.empty(0, np.uint64)
    if plan.named:
        drop_repeated_ids(plan)
    similar = plan.near_duplicates
    near = find_edges(plan.folder / "signatures", similar)[:2] if similar else (nobody, nobody)
    alike = Groups.write(folder / "alike", *groups(*near))
    if plan.remove_near_duplicates:
        drop_near_duplicates(plan, alike)
    given = given_rows(plan)
    # A split that the source brings is not dealt to as well.
    eval_share, test_share = (0.0 if given[EVAL] else eval_share), (0.0 if given[TEST] else test_share)
    together = alike
    if plan.grouped:
        own = [np.unique(np.stack(pair), axis=1) for pair in _columns(plan, "key", "group")]
        pairs = np.concatenate([np.empty((2, 0), np.uint64), *own], axis=1)
        edges = (np.concatenate([near[0], pairs[0]]), np.concatenate([near[1], pairs[1]]))
        together = Groups.write(folder / "together", *groups(*edges))
    splits = Splits(together, eval_share, test_share, plan.buckets.seed)
    if plan.stratify and given[TRAIN]:
        splits = replace(splits, strata=_strata(plan, splits))
    leaks = _leaks(plan, alike, given) if given[EVAL] or given[TEST] else []
    return Decision(splits, _count_alike(plan, alike), leaks)


def strata_of(rows: pa.Table) -> np.ndarray:
    """The stratum of each row: the key of the label of the first row with its key; rows are sorted by key."""
    keys = rows["key"].to_numpy()
    _, first, at = np.unique(keys, return_index=True, return_inverse=True)
    labels = joined([rows["label"].combine_chunks()], len(rows)).take(pa.array(first))
    return keys_of(labels)[at]


def given_rows(plan: Plan) -> np.ndarray:
    """Rows by the split that the source says: int64 [3]; those without stand with train."""
    counts = [np.bincount(given, minlength=len(SPLITS)) for (given,) in _columns(plan, "given")]
    return np.sum([np.zeros(len(SPLITS), np.int64), *counts], axis=0)


def _columns(plan: Plan, *names: str) -> Iterator[tuple[np.ndarray, ...]]:
    """Some columns of the records of each bucket that stay."""
    for number in plan.settled():
        table = remaining(plan, number)
        yield tuple(table[name].to_numpy() for name in names)


def _count_alike(plan: Plan, alike: Groups) -> int:
    if not len(alike):
        return 0
    groups_of = [alike.of(keys[np.isin(keys, alike.members)]) for (keys,) in _columns(plan, "key")]
    _, counts = np.unique(np.concatenate(groups_of), return_counts=True)
    return int(counts[counts > 1].sum())


def _strata(plan: Plan, splits: Splits) -> Strata:
    """Bounds by label. Needs 16 bytes for every record at once."""
    keys, strata = [], []
    for number in plan.settled():
        table = remaining(plan, number)
        dealt = table.filter(pc.equal(table["given"], TRAIN))
        keys.append(dealt["key"].to_numpy())
        strata.append(strata_of(dealt))
    every_key, every_stratum = np.concatenate(keys), np.concatenate(strata)
    order = np.argsort(every_key, kind="stable")
    every_key, every_stratum = every_key[order], every_stratum[order]
    # A group is dealt within the stratum of its representative, so that it stays together.
    at = np.searchsorted(every_key, splits.groups.of(every_key))
    every_stratum = every_stratum[np.minimum(at, len(every_key) - 1)]
    positions = splits.positions(every_key)
    names = np.unique(every_stratum)
    shares = splits.eval_share, splits.test_share
    bounds = [stratified_bounds(positions[every_stratum == name], *shares) for name in names]
    # Members in given splits are not dealt; any stratum will do for them.
    at = np.minimum(np.searchsorted(every_key, splits.groups.members), len(every_key) - 1)
    return Strata(names, np.array(bounds, np.uint64).reshape(-1, 2), every_stratum[at])


def _leaks(plan: Plan, alike: Groups, given: np.ndarray) -> list[Leak]:
    """By pair of given splits: texts in both, and texts of the second that are only near to one of the first."""
    exact = np.zeros((len(SPLITS), len(SPLITS)), np.int64)
    near_keys, near_splits = [], []
    for keys, splits in _columns(plan, "key", "given"):
        exact += shared_between_splits(keys, splits)
        is_near = np.isin(keys, alike.members)
        near_keys.append(keys[is_near])
        near_splits.append(splits[is_near])
    keys, splits = np.concatenate(near_keys), np.concatenate(near_splits)
    near = _shared_groups(keys, splits, alike.of(keys))
    pairs = [(a, b) for a in range(len(SPLITS)) for b in range(a + 1, len(SPLITS)) if given[a] and given[b]]
    return [
        Leak(splits=(SPLITS[a], SPLITS[b]), duplicates=int(exact[a, b]), near_duplicates=int(near[a, b]))
        for a, b in pairs
    ]


def shared_between_splits(keys: np.ndarray, given: np.ndarray) -> np.ndarray:
    """How many different keys each two splits share: uint64 [n] and int [n] to int64 [3, 3]."""
    names, at = np.unique(keys, return_inverse=True)
    is_in = np.zeros((len(names), len(SPLITS)), np.int64)
    is_in[at, given] = 1
    return is_in.T @ is_in


def _shared_groups(keys: np.ndarray, given: np.ndarray, representatives: np.ndarray) -> np.ndarray:
    """How many keys of split b are not in split a, but have a group that reaches into it: int64 [3, 3] by a, b."""
    names, at = np.unique(keys, return_inverse=True)
    kinds, group = np.unique(representatives, return_inverse=True)
    is_in = np.zeros((len(names), len(SPLITS)), np.int64)
    is_in[at, given] = 1
    group_is_in = np.zeros((len(kinds), len(SPLITS)), np.int64)
    group_is_in[group, given] = 1
    group_of_key = np.zeros(len(names), np.int64)
    group_of_key[at] = group
    reaches = group_is_in[group_of_key] * (1 - is_in)
    return reaches.T @ is_in

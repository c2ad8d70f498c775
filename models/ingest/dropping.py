"""Records of settled buckets that do not stay, for a reason that only a look at all buckets shows.

They are noted beside their bucket, in `dropped/000007.arrow`: row, reason, duplicate_of.
"""

import numpy as np
import pyarrow as pa

from models.ingest.arrow_files import read_table, write_table
from models.ingest.identity import joined, keys_of
from models.ingest.plan import Plan
from models.ingest.records import REFUSED, refuse, whole
from models.ingest.splitting import TRAIN, Groups

DUPLICATE_ID, NEAR_DUPLICATE = "duplicate_id", "near_duplicate"
DROPPED = pa.schema({"row": pa.int64(), "reason": pa.string(), "duplicate_of": pa.string()})


def remaining(plan: Plan, bucket: int) -> pa.Table:
    """The records of a bucket that stay, as far as is noted by now."""
    return split_off(plan, bucket)[0]


def split_off(plan: Plan, bucket: int) -> tuple[pa.Table, pa.Table]:
    """The records of a bucket that stay, and the others with schema REFUSED."""
    rows = read_table(plan.file("settled", bucket), plan.schema)
    dropped = read_table(plan.file("dropped", bucket), DROPPED)
    if not len(dropped):
        return rows, REFUSED.empty_table()
    stays = np.ones(len(rows), bool)
    stays[dropped["row"].to_numpy()] = False
    reasons, originals = dropped["reason"].to_pylist(), dropped["duplicate_of"].to_pylist()
    refused = refuse(rows.take(whole(dropped["row"])), plan.columns, reasons, originals)
    return rows.filter(pa.array(stays)), refused


def drop_repeated_ids(plan: Plan) -> None:
    """Drop records whose id a record before them has, in the order of buckets. Needs 16 bytes a record."""
    buckets = plan.settled()
    ids = [keys_of(whole(read_table(plan.file("settled", bucket), plan.schema)["id"])) for bucket in buckets]
    ends = np.cumsum([0, *map(len, ids)])
    every = np.concatenate([np.empty(0, np.uint64), *ids])
    _, first = np.unique(every, return_index=True)
    again = np.setdiff1d(np.arange(len(every)), first)
    for bucket, start, stop in zip(buckets, ends, ends[1:], strict=False):
        rows = again[(again >= start) & (again < stop)] - start
        if len(rows):
            names = read_table(plan.file("settled", bucket), plan.schema)["id"].take(pa.array(rows)).to_pylist()
            _note(plan, bucket, rows, DUPLICATE_ID, names)


def drop_near_duplicates(plan: Plan, alike: Groups) -> None:
    """Of near duplicates with one label, drop all but those with the smallest key.

    Where the source gives splits, a group that reaches into eval or test loses all its train records, whatever their
    labels, and nothing else. Needs some 100 bytes for each record that has a near duplicate.
    """
    parts = [part for bucket in plan.settled() if len(part := _members(plan, bucket, alike))]
    if not parts:
        return
    members = pa.concat_tables(parts).combine_chunks()
    group, label, given, key = (members[name].to_numpy() for name in ("group", "label", "given", "key"))
    reaches = np.isin(group, group[given != TRAIN])
    order = np.lexsort([key, np.where(reaches, 0, label), given == TRAIN, group])
    kind = np.stack([group, np.where(reaches, 0, label)], axis=1)[order]
    starts = np.append(True, (kind[1:] != kind[:-1]).any(axis=1))
    original = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
    first = np.empty_like(original)
    first[order] = original
    is_copy = (given == TRAIN) & np.where(reaches, True, key != key[first])
    copies = members.filter(pa.array(is_copy))
    names = members["id"].take(pa.array(first[is_copy])).to_pylist()
    buckets = copies["bucket"].to_numpy()
    for bucket in np.unique(buckets):
        at = np.flatnonzero(buckets == bucket)
        rows = copies["row"].to_numpy()[at]
        _note(plan, int(bucket), rows, NEAR_DUPLICATE, [names[index] for index in at])


def _members(plan: Plan, bucket: int, alike: Groups) -> pa.Table:
    """The records of a bucket that have near duplicates and are not dropped yet."""
    rows = read_table(plan.file("settled", bucket), plan.schema)
    keys = rows["key"].to_numpy()
    wanted = np.isin(keys, alike.members)
    wanted[read_table(plan.file("dropped", bucket), DROPPED)["row"].to_numpy()] = False
    found = rows.filter(pa.array(wanted))
    labels = joined([whole(found["label"])] if plan.columns.label else [], len(found))
    return pa.table(
        {
            "bucket": np.full(len(found), bucket),
            "row": np.flatnonzero(wanted),
            "key": keys[wanted],
            "group": alike.of(keys[wanted]),
            "label": keys_of(labels),
            "given": found["given"],
            "id": found["id"],
        }
    )


def _note(plan: Plan, bucket: int, rows: np.ndarray, reason: str, originals: list[str]) -> None:
    """Add to what is dropped from a bucket."""
    before = read_table(plan.file("dropped", bucket), DROPPED)
    new = pa.table({"row": pa.array(rows, pa.int64()), "reason": [reason] * len(rows), "duplicate_of": originals})
    write_table(plan.file("dropped", bucket), pa.concat_tables([before, new.cast(DROPPED)]))

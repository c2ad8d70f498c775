"""Rows to mix others with: a sample of the train split that is the same however the rows are ordered or sharded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.ingest.identity import dealt, joined, keys_of

# 20 numeric features of so many rows take 10 MB.
PARTNERS = 65_536
BATCH_ROWS = 8192
KEY, GROUP = "key", "group"


@dataclass(frozen=True)
class Partners:
    """Rows to mix with, by the label they carry.

    Args:
        names: the labels there are, sorted; rows mix only within a label.
        starts: int64 [names], the first row of each label.
        counts: int64 [names], rows of each label.
        values: float64 [rows, columns], label by label.
    """

    names: pa.Array
    starts: np.ndarray
    counts: np.ndarray
    values: np.ndarray

    def of(self, groups: pa.Array, seeds: np.ndarray) -> np.ndarray:
        """A partner for each row, drawn by its seed; NaN where nobody carries its label.

        Args:
            groups: strings [n], what `groups_of` returns.
            seeds: uint64 [n].

        Returns:
            float64 [n, columns].
        """
        found = pc.fill_null(pc.index_in(groups, self.names), -1).to_numpy(zero_copy_only=False)
        partners = np.full((len(found), self.values.shape[1]), np.nan)
        has = found >= 0
        place = seeds[has] % self.counts[found[has]].astype(np.uint64)
        partners[has] = self.values[self.starts[found[has]] + place.astype(np.int64)]
        return partners


def groups_of(label: pa.Array | None, rows: int) -> pa.Array:
    """With whom rows may mix: those of the same label or the same set of labels; all where labels are values.

    >>> groups_of(pa.array([["a", "b"], ["a"]]), 2).to_pylist()
    ['a\\x1eb', 'a']
    >>> groups_of(pa.array([1.5, 2.0]), 2).to_pylist()
    ['', '']
    """
    if label is None or pa.types.is_floating(label.type):
        return pa.array([""] * rows, pa.string())
    return joined([label], rows)


def choose_partners(files: Sequence[Path], names: Sequence[str], label: str | None, seed: int) -> pa.Table:
    """A sample of at most `PARTNERS` rows of Parquet files: columns key, group and `names`, sorted by group and key.

    Args:
        files: with a column `id`.
        names: the columns to mix.
        label: the label column, if there is one.
        seed: another seed chooses other rows.
    """
    chosen: pa.Table | None = None
    for file in files:
        columns = list(dict.fromkeys(["id", *names, *([label] if label else [])]))
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
            keys = pa.array(dealt(keys_of(batch.column("id")), purpose="mixup partner", seed=seed))
            groups = groups_of(batch.column(label) if label else None, len(batch))
            part = pa.table([keys, groups, *map(batch.column, names)], [KEY, GROUP, *names])
            chosen = part if chosen is None else pa.concat_tables([chosen, part])
            if len(chosen) > 2 * PARTNERS:
                chosen = _smallest(chosen)
    if chosen is None:
        return pa.table({KEY: pa.array([], pa.uint64()), GROUP: pa.array([], pa.string())})
    return _smallest(chosen).sort_by([(GROUP, "ascending"), (KEY, "ascending")])


def partners_of(chosen: pa.Table, names: Sequence[str]) -> Partners:
    """What `choose_partners` returned, ready to be drawn from."""
    values = np.stack([chosen[name].to_numpy() for name in names], axis=1)
    groups, starts, counts = np.unique(chosen[GROUP].to_numpy(), return_index=True, return_counts=True)
    return Partners(pa.array(groups, pa.string()), starts, counts, values)


def _smallest(rows: pa.Table) -> pa.Table:
    return rows.take(pc.select_k_unstable(rows, min(PARTNERS, len(rows)), [(KEY, "ascending")])).combine_chunks()

"""How many copies of which row each rule makes, told from the row's id and label alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.ingest.identity import dealt

TEXT_RULES = (
    "random_swap",
    "random_deletion",
    "random_insertion",
    "synonym_replacement",
    "keyboard_typos",
    "tfidf_replacement",
)
NUMERIC_RULES = ("gaussian_noise", "feature_scaling", "mixup")


@dataclass(frozen=True)
class AugmentationPlan:
    """Which copies to make.

    Args:
        strengths: the rules that are on and how much each changes, in the order of their copies.
        copies: of a row by each rule.
        row_share: share of the rows that a rule copies.
        extra: further copies of a row by its label, from all rules together; what `balancing` returned.
        seed: another seed chooses other rows and changes them otherwise.
    """

    strengths: dict[str, float]
    copies: int
    row_share: float
    extra: dict[str, float]
    seed: int

    @property
    def most_copies(self) -> int:
        """Copies of one row at most."""
        return len(self.strengths) * self.copies + math.ceil(max(self.extra.values(), default=0))

    def copies_of(self, keys: np.ndarray, labels: pa.Array | None) -> np.ndarray:
        """Copies of each row by each rule: int64 [n, rules].

        Args:
            keys: uint64 [n], of the ids.
            labels: strings or lists of strings [n]; only read for balancing.
        """
        chosen = [self._draw(keys, f"{rule}/rows") < self.row_share for rule in self.strengths]
        return self.copies * np.stack(chosen, axis=1) + self._extra_copies(keys, labels)

    def seeds(self, keys: np.ndarray, rule: str, copy: int) -> np.ndarray:
        """What each row's copy draws from: uint64 [n] to uint64 [n]."""
        return dealt(keys, purpose=f"{rule}/{copy}", seed=self.seed)

    def _extra_copies(self, keys: np.ndarray, labels: pa.Array | None) -> np.ndarray:
        """Dealt to the rules in turn, beginning with another one for each row: int64 [n, rules]."""
        rules = len(self.strengths)
        if not self.extra or labels is None:
            return np.zeros((len(keys), rules), np.int64)
        wanted = extra_of(labels, self.extra)
        whole = (np.floor(wanted) + (self._draw(keys, "balance/part") < wanted % 1)).astype(np.int64)
        first = (dealt(keys, purpose="balance/first", seed=self.seed) % np.uint64(rules)).astype(np.int64)
        turn = (np.arange(rules) - first[:, np.newaxis]) % rules
        return whole[:, np.newaxis] // rules + (turn < whole[:, np.newaxis] % rules)

    def _draw(self, keys: np.ndarray, purpose: str) -> np.ndarray:
        return dealt(keys, purpose=purpose, seed=self.seed) / 2.0**64


def balancing(rows: Mapping[str, int], ratio: float, regular: float, limit: int) -> dict[str, float]:
    """Further copies per row that bring each label up to `ratio` of the most frequent one, with its regular copies.

    >>> balancing({"ham": 100, "spam": 10, "odd": 1}, ratio=0.5, regular=0, limit=20)
    {'spam': 4.0, 'odd': 20}

    Args:
        rows: per label.
        ratio: between 0 and 1.
        regular: copies of each row that are made anyway.
        limit: most further copies of one row.
    """
    target = ratio * max(rows.values(), default=0)
    missing = {label: (1 + regular) * (target - count) / count for label, count in rows.items() if count}
    return {label: min(limit, extra) for label, extra in missing.items() if extra > 0}


def extra_of(labels: pa.Array, extra: Mapping[str, float]) -> np.ndarray:
    """Further copies of each row; of several labels the one that wants most decides.

    >>> extra_of(pa.array([["a", "b"], [], ["a"]]), {"b": 2.5}).tolist()
    [2.5, 0.0, 0.0]
    """
    is_list = pa.types.is_list(labels.type)
    flat = labels.flatten() if is_list else labels
    places = pc.fill_null(pc.index_in(flat, pa.array(extra, pa.string())), -1).to_numpy(zero_copy_only=False)
    wanted = np.array([*extra.values(), 0.0])[places]
    if not is_list:
        return wanted
    most = np.zeros(len(labels))
    np.maximum.at(most, pc.list_parent_indices(labels).to_numpy(zero_copy_only=False), wanted)
    return most


def count_labels(files: Sequence[Path]) -> dict[str, int]:
    """Rows per label of Parquet files, by label; a row with several labels counts for each."""
    counts: dict[str, int] = {}
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(65_536, columns=["label"], use_threads=False):
            column = batch.column(0)
            labels = column.flatten() if pa.types.is_list(column.type) else column
            for found in labels.drop_null().value_counts().to_pylist():
                counts[found["values"]] = counts.get(found["values"], 0) + found["counts"]
    return dict(sorted(counts.items()))

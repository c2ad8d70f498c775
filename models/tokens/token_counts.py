"""How the texts of a split were cut, as sums that shards add up to."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

QUANTILES = {"median": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


@dataclass
class TokenCounts:
    """What one shard or many hold.

    Args:
        truncated: rows that were cut.
        tokens: tokens written.
        unknown_tokens: `[UNK]` among them.
        lengths: rows by the number of tokens that they would have uncut.
    """

    truncated: int = 0
    tokens: int = 0
    unknown_tokens: int = 0
    lengths: Counter[int] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Rows written."""
        return self.lengths.total()

    def count(self, lengths: np.ndarray, ids: np.ndarray, *, max_length: int, unknown: int) -> None:
        """Add some rows: their uncut lengths, int64 [n], and all ids that were written."""
        different, rows = np.unique(lengths, return_counts=True)
        self.lengths.update(dict(zip(different.tolist(), rows.tolist(), strict=True)))
        self.truncated += int(np.count_nonzero(lengths > max_length))
        self.tokens += len(ids)
        self.unknown_tokens += int(np.count_nonzero(ids == unknown))

    def add(self, other: "TokenCounts") -> None:
        """Add another shard."""
        self.truncated += other.truncated
        self.tokens += other.tokens
        self.unknown_tokens += other.unknown_tokens
        self.lengths.update(other.lengths)

    def quantiles(self) -> dict[str, int]:
        """Lengths that a share of the rows does not exceed; none without rows.

        >>> TokenCounts(lengths=Counter({4: 5, 9: 4, 50: 1})).quantiles()
        {'median': 4, 'p90': 9, 'p99': 50, 'max': 50}
        """
        if not self.lengths:
            return {}
        lengths = np.array(sorted(self.lengths))
        reached = np.cumsum([self.lengths[length] for length in lengths.tolist()])
        places = {name: np.searchsorted(reached, share * reached[-1]) for name, share in QUANTILES.items()}
        return {name: int(lengths[place]) for name, place in places.items()}

    def write(self, path: Path) -> None:
        """Write what `read` reads."""
        path.write_text(json.dumps({**vars(self), "lengths": sorted(self.lengths.items())}), encoding="utf-8")

    @classmethod
    def total(cls, files: Iterable[Path]) -> "TokenCounts":
        """What several files add up to."""
        total = cls()
        for file in files:
            total.add(cls.read(file))
        return total

    @classmethod
    def read(cls, path: Path) -> "TokenCounts":
        """What `write` wrote."""
        values = json.loads(path.read_bytes())
        return cls(**{**values, "lengths": Counter(dict(values["lengths"]))})

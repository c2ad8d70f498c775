"""Quantiles and histograms of values that are counted already."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Bucket:
    """Numbers from `low` to below `high` (the last bucket: to `high`) and how many there are."""

    low: float
    high: float
    count: float


@dataclass(frozen=True)
class Distribution:
    """Finite numbers in ascending order, how often each was seen, and what is known of all of them.

    Args:
        values: float64 [n], ascending and different.
        counts: int64 [n].
        total: how many numbers there are; more than the sum of `counts` where that is a sample.
        least: the smallest of all.
        most: the largest of all.
    """

    values: np.ndarray
    counts: np.ndarray
    total: int
    least: float
    most: float

    def quantile(self, permille: int) -> float:
        """The smallest number that at least `permille` thousandths of all are not above (NumPy's inverted_cdf)."""
        if permille <= 0:
            return self.least
        if permille >= 1000:
            return self.most
        ends = np.cumsum(self.counts)
        rank = -(-int(ends[-1]) * permille // 1000)
        return float(self.values[np.searchsorted(ends, rank)])

    def share_up_to(self, bound: float) -> float:
        """What share of the numbers is not above a bound."""
        return float(self.counts[: np.searchsorted(self.values, bound, "right")].sum() / self.counts.sum())

    def quantile_buckets(self, buckets: int) -> list[Bucket]:
        """Buckets that hold equally many."""
        edges = [self.quantile(1000 * i // buckets) for i in range(buckets + 1)]
        return [Bucket(low, high, self.total / buckets) for low, high in pairwise(edges)]

    def equal_buckets(self, buckets: int) -> list[Bucket]:
        """Buckets of equal width from the smallest number to the largest; one if that is the same."""
        if self.least == self.most:
            return [Bucket(self.least, self.most, float(self.total))]
        steps = np.arange(buckets + 1) / buckets
        # Not linspace: the width of -1e308 to 1e308 is no float.
        return self._counted(self.least * (1 - steps) + self.most * steps)

    def body(self, most_buckets: int, *, whole: bool) -> list[Bucket]:
        """Fine buckets up to the 99th percentile, so that a few giants do not flatten the rest.

        Args:
            most_buckets: for many numbers; fewer get fewer, by the rule of Rice.
            whole: the numbers are whole, so the buckets hold equally many whole numbers.
        """
        high = self.quantile(990)
        buckets = min(most_buckets, math.ceil(2 * self.total ** (1 / 3)))
        if whole:
            width = -(-int(high - self.least + 1) // buckets)
            edges = np.arange(self.least, high + 1 + width, width)
            edges = edges[: np.searchsorted(edges, high, "right") + 1]
            return self._counted(edges, right_open=True)
        if self.least == high:
            return [Bucket(high, high, self.share_up_to(high) * self.total)]
        steps = np.arange(buckets + 1) / buckets
        return self._counted(self.least * (1 - steps) + high * steps)

    def _counted(self, edges: np.ndarray, *, right_open: bool = False) -> list[Bucket]:
        places = np.searchsorted(edges, self.values, "right") - 1
        if not right_open:
            places[self.values == edges[-1]] = len(edges) - 2
        inside = places < len(edges) - 1
        counts = np.bincount(places[inside], weights=self.counts[inside], minlength=len(edges) - 1)
        counts *= self.total / self.counts.sum()
        return [
            Bucket(float(low), float(high), float(count))
            for low, high, count in zip(edges, edges[1:], counts, strict=False)
        ]

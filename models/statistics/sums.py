"""Sums that do not depend on the order of their terms: floats added as the fractions they are."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# The smallest square of a float64 is 2**-2148, its last digit 2**-2254: all are whole numbers of this unit.
UNIT_EXPONENT = 2400
LOW_BITS = 26


@dataclass
class Moments:
    """Count, mean and standard deviation of numbers, without rounding on the way.

    >>> moments = Moments()
    >>> moments.add(np.array([1e16, 1.0, -1e16, 1.0]))
    >>> moments.mean
    0.5
    """

    count: int = 0
    total: int = 0
    squares: int = 0

    def add(self, values: np.ndarray) -> None:
        """Add finite numbers: float64 [n], n below 2**26."""
        mantissas, exponents = np.frexp(values)
        products, errors = _square(mantissas)
        self.count += len(values)
        self.total += _whole_sum(values)
        self.squares += _whole_sum(products, 2 * exponents) + _whole_sum(errors, 2 * exponents)

    def merge(self, other: "Moments") -> None:
        """Add what others have seen."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares

    @property
    def sum(self) -> Fraction:
        """The exact sum."""
        return Fraction(self.total, 1 << UNIT_EXPONENT)

    @property
    def mean(self) -> float:
        """The mean, rounded once; 0 of no numbers."""
        return float(self.sum / self.count) if self.count else 0.0

    @property
    def standard_deviation(self) -> float:
        """Of the numbers as a whole population; 0 of no numbers."""
        if not self.count:
            return 0.0
        variance_of_sum = self.count * (self.squares << UNIT_EXPONENT) - self.total**2
        return float(Fraction(math.isqrt(variance_of_sum), self.count << UNIT_EXPONENT))


def _whole_sum(values: np.ndarray, exponents: np.ndarray | int = 0) -> int:
    """Exact sum of `values * 2**exponents` in units of `2**-UNIT_EXPONENT`."""
    if not len(values):
        return 0
    mantissas, own = np.frexp(values)
    digits = np.ldexp(mantissas, 53).astype(np.int64)
    places = own.astype(np.int64) + exponents - 53 + UNIT_EXPONENT
    first = int(places.min())
    high = np.bincount(places - first, weights=digits >> LOW_BITS)
    low = np.bincount(places - first, weights=digits & ((1 << LOW_BITS) - 1))
    return sum(
        ((int(high[i]) << LOW_BITS) + int(low[i])) << (first + int(i)) for i in np.flatnonzero((high != 0) | (low != 0))
    )


def _square(mantissas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squares and their rounding errors, both exact (Dekker 1971)."""
    scaled = mantissas * float((1 << 27) + 1)
    high = scaled - (scaled - mantissas)
    low = mantissas - high
    squares = mantissas * mantissas
    return squares, ((high * high - squares) + 2 * high * low) + low * low

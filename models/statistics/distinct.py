"""How many different values there are, by the theta sketch of Apache DataSketches.

Of its sketches the theta family is the one whose answer does not depend on how the rows were portioned: what remains
are the `2**LG_K` smallest hashes, whoever saw them. (HyperLogLog's better estimator remembers the order of arrival.)
"""

from collections.abc import Iterable
from dataclasses import dataclass

import datasketches

LG_K = 16  # exact up to 65,536; beyond, the standard error is 0.4 %
TWO_SIGMA = 2


@dataclass(frozen=True)
class Estimate:
    """A number of different values and the bounds it lies in with 95 % probability; all equal where it is exact."""

    value: int
    low: int
    high: int

    @classmethod
    def exact(cls, value: int) -> "Estimate":
        """A number that is known."""
        return cls(value, value, value)

    def at_most(self, bound: int) -> "Estimate":
        """The estimate, knowing that there cannot be more than `bound`.

        >>> Estimate(101, 98, 104).at_most(100)
        Estimate(value=100, low=98, high=100)
        """
        return Estimate(min(self.value, bound), min(self.low, bound), min(self.high, bound))


class Distinct:
    """Counts different strings (or different whole numbers).

    >>> distinct = Distinct()
    >>> distinct.add(["a", "b", "a"])
    >>> distinct.estimate()
    Estimate(value=2, low=2, high=2)
    """

    def __init__(self) -> None:
        self._union = datasketches.theta_union(LG_K)
        self._recent = datasketches.update_theta_sketch(LG_K)

    def add(self, values: Iterable[str] | Iterable[int]) -> None:
        """See values; numbers fit into 64 bits with a sign."""
        update = self._recent.update
        for value in values:
            update(value)

    def merge(self, other: "Distinct") -> None:
        """Add what another has seen."""
        self._union.update(other._sketch())

    def estimate(self) -> Estimate:
        """How many different values."""
        sketch = self._sketch()
        numbers = (sketch.get_estimate(), sketch.get_lower_bound(TWO_SIGMA), sketch.get_upper_bound(TWO_SIGMA))
        return Estimate(*(round(number) for number in numbers))

    def _sketch(self) -> datasketches.compact_theta_sketch:
        # Through a union even when there is nothing to unite: it alone trims a sketch to the smallest hashes.
        self._union.update(self._recent)
        self._recent.reset()
        return self._union.get_result()

    def __getstate__(self) -> bytes:
        return bytes(self._sketch().serialize())

    def __setstate__(self, state: bytes) -> None:
        self._union = datasketches.theta_union(LG_K)
        self._recent = datasketches.update_theta_sketch(LG_K)
        self._union.update(datasketches.compact_theta_sketch.deserialize(state))

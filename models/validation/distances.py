"""How far the distributions of two samples lie apart, and how far chance alone would put them.

Two samples of one source never agree exactly, and the smaller they are the less. So every distance comes with its
*allowance*: what two samples of these sizes from one source exceed with probability `RISK` only. A distance counts as
a change where `value > threshold + allowance`. The sum, not the larger of both, because chance adds to a true
distance: the expected Jensen-Shannon divergence of two samples is about the true one plus that of samples of one
source, and L-infinity obeys the triangle inequality. What is flagged so lies beyond the threshold in truth.

Jensen-Shannon divergence in bits, and L-infinity, are defined as in TensorFlow Data Validation. Two things differ.
Values too rare to say anything are counted together, and histograms are compared without assuming that values spread
evenly inside a bucket, which between two samples with long tails is wrong enough to look like drift.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

RISK = 1e-4  # a run makes up to some hundred comparisons; together they cry wolf in one run of a hundred at most
LEAST_EXPECTED = 5  # rows that a value should have by chance to be a cell of its own: the usual rule for chi-square
CELLS = 20  # of a numeric distribution
CELL_BUCKETS = 2  # of the histogram at least in a cell, so that what a bucket hides weighs little


@dataclass(frozen=True)
class Counts:
    """How often each value of a sample occurs.

    Args:
        listed: occurrences per value; with many values only those of the most frequent ones.
        total: occurrences of all values.
        design_effect: how many times more the counts vary than those of independent draws would. The tokens of a text
            are not independent: who mentions a name once mentions it again.
    """

    listed: Mapping[str, float]
    total: float
    design_effect: float = 1.0


@dataclass(frozen=True)
class Quantiles:
    """A histogram by its cumulative masses.

    Args:
        bounds: float64 [k], not decreasing; repeated where one value fills whole buckets.
        cumulative: float64 [k], share of the sample up to each bound, from 0 to 1.
        total: values in the sample.
    """

    bounds: np.ndarray
    cumulative: np.ndarray
    total: float


@dataclass(frozen=True)
class Measured:
    """A distance and what chance would make it."""

    value: float
    allowance: float


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence of two distributions in bits, from 0 (equal) to 1 (nothing in common).

    Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37 (1991).

    Args:
        p: float [k], not negative, sums to 1.
        q: likewise.

    >>> jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    1.0
    >>> round(jensen_shannon(np.array([0.5, 0.5]), np.array([0.25, 0.75])), 4)
    0.0488
    """
    middle = (p + q) / 2
    bits = (special.rel_entr(p, middle).sum() + special.rel_entr(q, middle).sum()) / (2 * np.log(2))
    return float(np.clip(bits, 0, 1))


def l_infinity(p: np.ndarray, q: np.ndarray) -> float:
    """The largest difference in the share of any one value.

    >>> round(l_infinity(np.array([0.5, 0.3, 0.2]), np.array([0.45, 0.3, 0.25])), 4)
    0.05
    """
    return float(np.abs(p - q).max(initial=0.0))


def jensen_shannon_allowance(cells: int, a: float, b: float, risk: float = RISK) -> float:
    """The divergence that two samples of one source exceed with probability `risk`.

    To second order the divergence of samples of sizes a and b is (1/a + 1/b) / (8 ln 2) times a chi-square variable
    with `cells - 1` degrees of freedom. Sizes of samples that are not independent draws are to be divided by their
    design effect (Rao and Scott's first-order correction, The Annals of Statistics 12, 1984).

    >>> round(jensen_shannon_allowance(3, 1000, 1000), 4)
    0.0066
    """
    if cells < 2:
        return 0.0
    return float(special.chdtri(cells - 1, risk) * (1 / a + 1 / b) / (8 * np.log(2)))


def l_infinity_allowance(shares: np.ndarray, a: float, b: float, risk: float = RISK) -> float:
    """The difference in any share that two samples of one source exceed with probability `risk` at most.

    The binomial variance at each share (float [k]), with the normal law and a union bound over the values.

    >>> round(l_infinity_allowance(np.array([0.5, 0.5]), 1000, 1000), 4)
    0.0907
    """
    variance = float((shares * (1 - shares)).max(initial=0.0)) * (1 / a + 1 / b)
    return float(-special.ndtri(risk / (2 * max(1, len(shares)))) * np.sqrt(variance))


def compare_counts(a: Counts, b: Counts) -> dict[str, Measured]:
    """Both distances of two samples of values that have no order; neither sample may be empty."""
    first, second = _align(a, b)
    p, q = first / a.total, second / b.total
    sizes = (a.total / a.design_effect, b.total / b.design_effect)
    pooled = (first + second) / (a.total + b.total)
    largest = Measured(l_infinity(p, q), l_infinity_allowance(pooled, *sizes))
    frequent = pooled * min(sizes) >= LEAST_EXPECTED
    p, q = _with_rest(p[frequent]), _with_rest(q[frequent])
    cells = int(np.count_nonzero(p + q))
    return {
        "jensen_shannon": Measured(jensen_shannon(p, q), jensen_shannon_allowance(cells, *sizes)),
        "l_infinity": largest,
    }


def compare_quantiles(control: Quantiles, treatment: Quantiles) -> Measured:
    """Jensen-Shannon divergence of two samples of numbers; neither may be empty.

    The cells hold equally much of both together. A bucket says how many values it holds, not where: both histograms
    tell only between which shares the samples stand at a cut. Where these ranges meet the samples count as equal,
    elsewhere the nearest ends are compared, so that coarse buckets hide small changes and do not make them up.
    """
    cuts = _cuts(control, treatment)
    a_low, a_high = _shares_up_to(control, cuts)
    b_low, b_high = _shares_up_to(treatment, cuts)
    # Not decreasing along the cuts, since all four are not; so are the clipped ones.
    between = (np.maximum(a_low, b_low) + np.minimum(a_high, b_high)) / 2
    p = np.diff(np.clip(between, a_low, a_high), prepend=0.0, append=1.0)
    q = np.diff(np.clip(between, b_low, b_high), prepend=0.0, append=1.0)
    allowance = jensen_shannon_allowance(int(np.count_nonzero(p + q > 0)), control.total, treatment.total)
    return Measured(jensen_shannon(p, q), allowance)


def _cuts(a: Quantiles, b: Quantiles) -> np.ndarray:
    """Bounds of either histogram between which both together have equal shares, as far as there are such."""
    bounds = np.union1d(a.bounds, b.bounds)
    cells = max(1, min(CELLS, (min(len(a.bounds), len(b.bounds)) - 1) // CELL_BUCKETS))
    shares = (_shares_up_to(a, bounds)[0] + _shares_up_to(b, bounds)[0]) / 2
    return np.unique(bounds[np.searchsorted(shares, np.arange(1, cells) / cells - 1e-9)])


def _align(a: Counts, b: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Counts of every value that either lists; where a list is cut short, the nearest count it allows.

    A value that a cut list lacks occurs at most as often as the last one listed.
    """
    names = sorted(a.listed.keys() | b.listed.keys())
    first = np.array([a.listed.get(name, np.nan) for name in names], float)
    second = np.array([b.listed.get(name, np.nan) for name in names], float)
    return _completed(first, a, second, b), _completed(second, b, first, a)


def _completed(counts: np.ndarray, own: Counts, others: np.ndarray, other: Counts) -> np.ndarray:
    unlisted = max(0.0, own.total - sum(own.listed.values()))
    most = min(unlisted, min(own.listed.values(), default=unlisted))
    missing = np.isnan(counts)
    nearest = np.where(missing, np.minimum(most, np.nan_to_num(others) * own.total / other.total), counts)
    guessed = float(nearest[missing].sum())
    if guessed > unlisted:  # more than there is to hand out
        nearest[missing] *= unlisted / guessed
    return nearest


def _with_rest(shares: np.ndarray) -> np.ndarray:
    """The shares and what is left of 1."""
    return np.append(shares, max(0.0, 1 - shares.sum()))


def _shares_up_to(sample: Quantiles, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest share of the sample that may lie at or below each cut."""
    last = np.searchsorted(sample.bounds, cuts, side="right") - 1
    low = np.where(last >= 0, sample.cumulative[np.maximum(last, 0)], 0.0)
    high = np.where(last >= 0, sample.cumulative[np.minimum(last + 1, len(sample.bounds) - 1)], 0.0)
    return low, high

"""Distances on cases worked out by hand, and their allowances on many samples of one source."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from models.validation.distances import (
    Counts,
    Quantiles,
    compare_counts,
    compare_quantiles,
    jensen_shannon,
    jensen_shannon_allowance,
    l_infinity,
    l_infinity_allowance,
)

DRAWS = 2000
shares = st.lists(st.integers(0, 50), min_size=2, max_size=20).filter(any).map(lambda x: np.array(x) / sum(x))


def counts(sample, most=None, design_effect=1.0):
    """A sample as statistics list it: the `most` frequent values."""
    listed = {f"v{i}": float(n) for i, n in enumerate(sample) if n}
    if most is not None:
        listed = dict(sorted(listed.items(), key=lambda item: (-item[1], item[0]))[:most])
    return Counts(listed, float(np.sum(sample)), design_effect)


def quantiles(values, buckets=100):
    bounds = np.quantile(values, np.linspace(0, 1, buckets + 1), method="inverted_cdf")
    return Quantiles(bounds, np.linspace(0, 1, buckets + 1), len(values))


def is_far(measured, threshold):
    return measured.value > threshold + measured.allowance


@given(shares, shares)
def test_jensen_shannon_is_that_of_scipy(p, q):
    size = max(len(p), len(q))
    p, q = (np.pad(x, (0, size - len(x))) for x in (p, q))
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-9)
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p), abs=1e-12)
    assert 0 <= jensen_shannon(p, q) <= 1
    assert jensen_shannon(p, p) == l_infinity(p, p) == 0


def test_by_hand():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.5, 0.0, 0.5])
    assert jensen_shannon(p, q) == pytest.approx(0.5)
    assert l_infinity(p, q) == 0.5


def test_values_may_be_missing_on_either_side():
    a, b = Counts({"x": 60, "y": 40}, 100), Counts({"x": 60, "z": 40}, 100)
    assert compare_counts(a, b)["l_infinity"].value == pytest.approx(0.4)
    assert compare_counts(a, b)["jensen_shannon"].value == pytest.approx(0.4)


def test_a_cut_list_says_little_of_what_it_lacks():
    whole = Counts({"a": 500, "b": 300, "c": 110, "d": 90}, 1000)
    cut = Counts({"a": 500, "b": 300}, 1000)
    # c and d may be among the 200 that the other list does not show.
    assert compare_counts(whole, cut)["jensen_shannon"].value == 0
    assert compare_counts(cut, whole)["l_infinity"].value == 0
    # But what stands behind the last one listed cannot be as frequent as this.
    other = Counts({"a": 500, "c": 500}, 1000)
    assert compare_counts(cut, other)["l_infinity"].value == pytest.approx(0.3)


def test_rare_values_count_together():
    a = Counts({"common": 1000, **{f"a{i}": 1 for i in range(1000)}}, 2000)
    b = Counts({"common": 1000, **{f"b{i}": 1 for i in range(1000)}}, 2000)
    assert compare_counts(a, b)["jensen_shannon"].value == 0


@pytest.mark.parametrize(("a", "b"), [(2000, 2000), (8000, 500)])
@pytest.mark.parametrize("law", ["three labels", "Zipf, 5,000 values, lists of 1,000"])
def test_two_samples_of_one_source_rarely_exceed_the_allowance(law, a, b):
    rng = np.random.default_rng(7)
    p = np.array([0.4, 0.35, 0.25]) if law == "three labels" else 1 / np.arange(1, 5001)
    p = p / p.sum()
    draws = 200 if len(p) > 100 else DRAWS
    far = {"jensen_shannon": 0, "l_infinity": 0}
    for _ in range(draws):
        first, second = (counts(rng.multinomial(n, p), most=1000) for n in (a, b))
        for measure, measured in compare_counts(first, second).items():
            far[measure] += is_far(measured, 0)
    # The risk is 1 in 10,000; four of 2,000 happen with a probability of 6e-5 then.
    assert max(far.values()) < 4


def test_the_allowance_is_not_idle():
    # Of chi-square with two degrees of freedom, one sample in a hundred exceeds 9.21.
    rng = np.random.default_rng(3)
    p = np.array([0.4, 0.35, 0.25])
    bound = jensen_shannon_allowance(3, 2000, 1000, risk=0.01)
    samples = zip(rng.multinomial(2000, p, DRAWS) / 2000, rng.multinomial(1000, p, DRAWS) / 1000, strict=True)
    share = np.mean([jensen_shannon(x, y) > bound for x, y in samples])
    assert 0.004 < share < 0.018
    # The union bound over the three shares at the variance of the largest is less exact: at most the risk.
    bound = l_infinity_allowance(p, 2000, 1000, risk=0.01)
    samples = zip(rng.multinomial(2000, p, DRAWS) / 2000, rng.multinomial(1000, p, DRAWS) / 1000, strict=True)
    assert 0.001 < np.mean([l_infinity(x, y) > bound for x, y in samples]) < 0.014


def clustered(rng, texts, length, p, concentration):
    """Tokens of texts that each have their own leanings (Dirichlet-multinomial)."""
    leanings = rng.gamma(concentration * p, size=(texts, len(p))) + 1e-300
    leanings /= leanings.sum(axis=1, keepdims=True)
    return rng.multinomial(length, leanings).sum(axis=0)


def test_tokens_of_one_text_are_not_independent():
    rng = np.random.default_rng(11)
    p = 1 / np.arange(1, 101)
    p /= p.sum()
    texts, length, correlation = 300, 50, 0.01
    effect = 1 + (length - 1) * correlation
    far = {1.0: 0, effect: 0}
    for _ in range(200):
        samples = [clustered(rng, texts, length, p, 1 / correlation - 1) for _ in range(2)]
        for assumed in far:
            first, second = (counts(sample, design_effect=assumed) for sample in samples)
            far[assumed] += is_far(compare_counts(first, second)["jensen_shannon"], 0)
    assert far[effect] <= 1
    assert far[1.0] > 10  # as if they were independent: wrong


@pytest.mark.parametrize(("shift", "caught"), [(0.0, False), (0.01, False), (0.06, False), (0.15, True), (0.3, True)])
def test_a_label_shift_is_caught_where_it_lies_beyond_the_threshold(shift, caught):
    rng = np.random.default_rng(5)
    p, q = np.array([0.4, 0.35, 0.25]), np.array([0.4 - shift, 0.35 + shift, 0.25])
    far = sum(
        is_far(compare_counts(*(counts(rng.multinomial(4000, x)) for x in (p, q)))["l_infinity"], 0.06)
        for _ in range(100)
    )
    assert far == (100 if caught else 0)


SOURCES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "long tail": lambda rng, n: rng.lognormal(3, 1.5, n).round(),
    "mostly zero": lambda rng, n: np.where(rng.random(n) < 0.9, 0.0, rng.random(n)),
    "one of five": lambda rng, n: rng.integers(0, 5, n).astype(float),
    "constant": lambda rng, n: np.ones(n),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("buckets", [10, 100])
def test_numbers_of_one_source_rarely_exceed_the_allowance(source, buckets):
    rng = np.random.default_rng(13)
    for a, b in ((1000, 1000), (5000, 300)):
        for _ in range(50):
            first, second = (quantiles(SOURCES[source](rng, n), buckets) for n in (a, b))
            assert not is_far(compare_quantiles(first, second), 0)


@pytest.mark.parametrize(
    ("before", "after", "exact"),
    [
        (lambda u: u, lambda u: 2 * u, 0.3113),
        (lambda u: (u > 0.9).astype(float), lambda u: (u > 0.5).astype(float), 0.1468),
        (lambda u: u, lambda u: u + 5, 1.0),
    ],
    ids=["doubled", "from a tenth to a half of ones", "apart"],
)
def test_changes_of_numbers(before, after, exact):
    u = np.linspace(0, 1, 20_001)
    measured = compare_quantiles(quantiles(before(u)), quantiles(after(u)))
    assert 0.85 * exact < measured.value <= exact + 1e-3
    coarse = compare_quantiles(quantiles(before(u), 10), quantiles(after(u), 10))
    assert 0.5 * exact < coarse.value <= exact + 1e-3
    assert is_far(measured, 0.02)
    assert is_far(coarse, 0.02)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.lists(st.floats(-100, 100), min_size=1, max_size=60))
def test_the_distance_of_histograms_never_exceeds_that_of_the_values(a, b):
    first, second = quantiles(np.array(a), 5), quantiles(np.array(b), 5)
    measured = compare_quantiles(first, second)
    assert 0 <= measured.value <= 1
    names = sorted(set(a) | set(b))
    p, q = (np.array([values.count(name) / len(values) for name in names]) for values in (a, b))
    # Cells only coarsen; quantiles of so few values are shares of buckets only up to rounding.
    if len(a) % 5 == 0 and len(b) % 5 == 0:
        assert measured.value <= jensen_shannon(p, q) + 1e-9
    assert compare_quantiles(first, first).value == pytest.approx(0, abs=1e-12)

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.sums import Moments

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def moments_of(*portions):
    moments = Moments()
    for portion in portions:
        one = Moments()
        one.add(np.array(portion, np.float64))
        moments.merge(one)
    return moments


@settings(deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=30))
def test_sums_are_exact_over_the_whole_range_of_floats(values):
    moments = moments_of(values)
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    assert moments.sum == sum(exact)
    assert moments.mean == float(mean)
    # isqrt of the numerator over a common denominator is exact to many more digits than a float has.
    denominator = variance.denominator << 4000
    root = Fraction(math.isqrt((variance.numerator << 4000) * denominator), denominator)
    assert moments.standard_deviation == pytest.approx(float(root), rel=1e-12, abs=5e-324)


@settings(deadline=None)
@given(st.lists(st.lists(FINITE, max_size=5), max_size=5), st.randoms(use_true_random=False))
def test_order_does_not_show(portions, order):
    before = moments_of(*portions)
    order.shuffle(portions)
    assert moments_of(*portions) == before
    assert moments_of([value for portion in portions for value in portion]) == before


def test_a_large_mean_does_not_swallow_the_deviation():
    values = 1.7e9 + np.random.default_rng(1).normal(size=1000)
    assert moments_of(values).standard_deviation == pytest.approx(np.std(values), rel=1e-12)
    assert moments_of(values).standard_deviation == pytest.approx(1, abs=0.1)


def test_no_numbers():
    assert (Moments().mean, Moments().standard_deviation) == (0, 0)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.histograms import Bucket, Distribution

NUMBERS = st.lists(st.integers(-50, 50), min_size=1, max_size=80)


def distribution(numbers, total=None):
    values, counts = np.unique(np.array(numbers, np.float64), return_counts=True)
    return Distribution(values, counts, total or len(numbers), float(min(numbers)), float(max(numbers)))


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 1000))
def test_quantiles_are_those_of_numpy(numbers, permille):
    expected = np.quantile(np.array(numbers, np.float64), permille / 1000, method="inverted_cdf")
    found = distribution(numbers).quantile(permille)
    # numpy multiplies floats and may miss a rank by one where the product is whole.
    if permille * len(numbers) % 1000:
        assert found == expected
    else:
        assert np.mean(np.array(numbers) <= found) >= permille / 1000


@settings(deadline=None)
@given(NUMBERS)
def test_equal_buckets_are_those_of_numpy(numbers):
    buckets = distribution(numbers).equal_buckets(10)
    if len(set(numbers)) == 1:
        assert buckets == [Bucket(numbers[0], numbers[0], len(numbers))]
        return
    edges = np.array([bucket.low for bucket in buckets] + [buckets[-1].high])
    assert edges == pytest.approx(np.linspace(min(numbers), max(numbers), 11))
    assert [bucket.count for bucket in buckets] == np.histogram(numbers, edges)[0].tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=300))
def test_the_body_of_whole_numbers_has_whole_buckets_of_one_width(numbers):
    found = distribution(numbers)
    body = found.body(40, whole=True)
    assert len({bucket.high - bucket.low for bucket in body}) == 1
    assert body[0].low == min(numbers)
    assert body[-1].low <= found.quantile(990) < body[-1].high
    assert len(body) <= 40
    for bucket in body:
        assert bucket.count == sum(bucket.low <= number < bucket.high for number in numbers)


def test_the_body_leaves_giants_out():
    found = distribution([*np.linspace(0, 1, 1000), 1e6])
    assert found.body(40, whole=False)[-1].high < 1
    assert len(found.body(40, whole=False)) == 21  # 2 * 1001 ** (1 / 3)
    assert found.equal_buckets(10)[0].count == 1000


def test_a_sample_speaks_for_all():
    found = distribution([1, 2, 2, 3], total=400)
    assert [bucket.count for bucket in found.equal_buckets(2)] == [100, 300]
    assert found.quantile_buckets(2) == [Bucket(1, 2, 200), Bucket(2, 3, 200)]
    assert found.share_up_to(2) == 0.75


def test_extremes_do_not_overflow():
    buckets = distribution([-1.7e308, 0.0, 1.7e308]).equal_buckets(4)
    assert [bucket.count for bucket in buckets] == [1, 0, 1, 1]
    assert buckets[1].high == 0

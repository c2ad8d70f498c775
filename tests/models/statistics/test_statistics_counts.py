from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.counts import ALWAYS, Counts, levels, row_keys


def keys(count, name="row"):
    return row_keys(pa.array([f"{name}-{i}" for i in range(count)]))


def counted(counts):
    values, numbers = counts.result()
    return dict(zip(values.to_pylist(), numbers.tolist(), strict=True))


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), max_size=40))
def test_few_values_are_counted_exactly(values):
    counts = Counts(capacity=8)
    counts.add(pa.array(values, pa.string()), levels(keys(len(values))))
    assert counted(counts) == Counter(values)
    assert counts.rate == 1
    assert list(counted(counts)) == sorted(set(values))


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(st.integers(0, 60), min_size=1, max_size=120),
    cuts=st.lists(st.integers(0, 120), max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_portions_and_order_of_merging_do_not_show(values, cuts, order):
    rows = list(zip(values, levels(keys(len(values))).tolist(), strict=True))
    whole = Counts(capacity=8)
    whole.add(pa.array(values, pa.int64()), levels(keys(len(values))))
    order.shuffle(rows)
    portions = []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(rows)], strict=True):
        portion = Counts(capacity=8)
        for value, level in rows[start:end]:
            portion.add(pa.array([value], pa.int64()), np.array([level], np.uint8))
        portions.append(portion)
    order.shuffle(portions)
    merged = Counts(capacity=8)
    for portion in portions:
        merged.merge(portion)
    assert counted(merged) == counted(whole)
    assert merged.rate == whole.rate
    assert len(counted(merged)) <= 8


def test_many_values_leave_a_fair_sample():
    numbers = np.random.default_rng(3).lognormal(size=100_000)
    counts = Counts(capacity=4096)
    counts.add(pa.array(numbers), levels(keys(len(numbers))))
    values, left = counts.result()
    assert counts.rate == 2**-5  # 100,000 / 32 = 3,125
    assert left.sum() == pytest.approx(3125, abs=5 * 55)
    sample = np.repeat(values.to_numpy(), left)
    for share in (0.1, 0.5, 0.9):
        rank = np.mean(numbers <= np.quantile(sample, share))
        assert rank == pytest.approx(share, abs=4 * 0.5 / np.sqrt(len(sample)))


def test_frequent_values_survive_the_sampling():
    words = [f"rare {i}" for i in range(20_000)] + ["often"] * 20_000
    counts = Counts(capacity=1000)
    counts.add(pa.array(words), levels(keys(len(words))))
    assert counts.rate == 2**-5
    assert counted(counts)["often"] / counts.rate == pytest.approx(20_000, rel=0.2)


def test_the_last_level_is_never_forgotten():
    counts = Counts(capacity=2)
    counts.add(pa.array(["a", "b", "c"]), np.full(3, ALWAYS, np.uint8), np.array([5, 6, 7]))
    counts.add(pa.array(["c"]), np.full(1, ALWAYS, np.uint8), np.array([1]))
    assert counted(counts) == {"a": 5, "b": 6, "c": 8}
    assert counts.rate == 1


def test_how_many_may_wait_does_not_show():
    values = np.random.default_rng(1).integers(0, 500, 3000)
    patient, hasty = Counts(capacity=100), Counts(capacity=100, waiting=10)
    for start in range(0, 3000, 300):
        rows = slice(start, start + 300)
        for counts in (patient, hasty):
            counts.add(pa.array(values[rows]), levels(keys(3000)[rows]))
    assert counted(patient) == counted(hasty)
    assert patient.rate == hasty.rate < 1


def test_each_level_has_half_of_the_rest_at_any_position():
    one_each = np.bincount(levels(keys(64_000)))
    many_each = np.bincount(levels(keys(64), np.full(64, 1000)))
    for found in (one_each, many_each):
        assert found[:4] / 64_000 == pytest.approx([1 / 2, 1 / 4, 1 / 8, 1 / 16], abs=0.01)


def test_nothing_was_counted():
    values, left = Counts().result()
    assert (len(values), len(left), Counts().rate) == (0, 0, 1)

import pickle
import random

import pytest

from models.statistics.distinct import Distinct, Estimate


def distinct(values):
    one = Distinct()
    one.add(values)
    return one


def test_exact_while_few():
    values = [f"v{i % 5000}" for i in range(20_000)]
    assert distinct(values).estimate() == Estimate.exact(5000)
    assert distinct([]).estimate() == Estimate.exact(0)
    assert distinct([1, 2, 1, -5]).estimate() == Estimate.exact(3)


@pytest.mark.parametrize("portions", [2, 7])
def test_portions_and_order_do_not_show_when_there_are_many(portions):
    values = [f"v{i % 300_000}" for i in range(400_000)]
    whole = distinct(values).estimate()
    random.Random(portions).shuffle(values)
    parts = [pickle.loads(pickle.dumps(distinct(values[i::portions]))) for i in range(portions)]
    merged = parts.pop()
    for part in parts:
        merged.merge(part)
    assert merged.estimate() == whole
    assert whole.low < 300_000 < whole.high
    assert whole.value == pytest.approx(300_000, rel=3 * 0.004)

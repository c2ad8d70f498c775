import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.augmentation import mixup_partners
from models.augmentation.mixup_partners import choose_partners, partners_of
from models.augmentation.numeric_edits import add_noise, deviations, mix, own_shares, scale, uniform
from models.augmentation.plan import AugmentationPlan, balancing
from models.ingest.identity import keys_of

SEEDS = np.arange(20_000, dtype=np.uint64)
numbers = st.floats(-1e6, 1e6)


def test_uniform_numbers_are_uniform_and_columns_independent():
    draws = uniform(SEEDS, 2)
    assert draws.shape == (20_000, 2)
    assert 0 < draws.min() < 0.001
    assert 0.999 < draws.max() < 1
    assert draws.mean() == pytest.approx(0.5, abs=0.01)
    assert draws.std() == pytest.approx(12**-0.5, abs=0.01)
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.03
    assert np.array_equal(uniform(SEEDS[7:9], 1), draws[7:9, :1])


def test_noise_has_the_stated_deviation_and_leaves_nulls():
    values = np.stack([np.full(20_000, 5.0), np.full(20_000, np.nan), np.ones(20_000)], axis=1)
    new = add_noise(values, SEEDS, share=0.1, deviations=np.array([20.0, 3.0, 0.0]))
    assert (new[:, 0] - 5).std() == pytest.approx(2.0, rel=0.02)
    assert (new[:, 0] - 5).mean() == pytest.approx(0, abs=0.05)
    assert np.isnan(new[:, 1]).all()
    assert np.array_equal(new[:, 2], values[:, 2])


def test_factors_have_the_stated_deviation():
    new = scale(np.full((20_000, 1), -4.0), SEEDS, deviation=0.05)
    assert (new / -4).std() == pytest.approx(0.05, rel=0.02)
    assert (new / -4).mean() == pytest.approx(1, abs=0.002)


def test_numbers_never_become_infinite():
    huge = np.full((100, 1), 1.7e308)
    assert np.isfinite(scale(huge, SEEDS[:100], deviation=0.5)).all()
    assert np.isfinite(add_noise(huge, SEEDS[:100], share=1.0, deviations=np.array([1e308]))).all()


@given(
    arrays(float, (4, 2), elements=numbers),
    arrays(float, (4, 2), elements=numbers),
    arrays(float, 4, elements=st.floats(0.5, 1)),
)
def test_mixtures_lie_between_and_nearer_to_the_row(own, other, share):
    new = mix(own, other, share)
    slack = 1e-6
    assert np.all(new >= np.minimum(own, other) - slack)
    assert np.all(new <= np.maximum(own, other) + slack)
    assert np.all(np.abs(new - own) <= np.abs(new - other) + slack)


def test_shares_follow_a_folded_beta_distribution():
    shares = own_shares(SEEDS, alpha=1.0)
    assert shares.mean() == pytest.approx(0.75, abs=0.01)
    assert shares.min() == pytest.approx(0.5, abs=0.01)


@pytest.fixture
def write_column(tmp_path):
    def write(name, values):
        pq.write_table(pa.table({"id": [f"{v}" for v in values], "x": pa.array(values, pa.float64())}), tmp_path / name)
        return tmp_path / name

    return write


def test_deviations_are_exact_and_ignore_nulls_order_and_files(write_column):
    rng = np.random.default_rng(0)
    values = [*(rng.normal(size=1000) * 10.0 ** rng.integers(-5, 6, 1000)).tolist(), None]
    whole = deviations([write_column("whole", values)], ["x"])
    shuffled = rng.permutation(np.array(values, object)).tolist()
    parts = deviations([write_column("a", shuffled[:300]), write_column("b", shuffled[300:])], ["x"])
    assert whole.tolist() == parts.tolist()
    assert whole[0] == pytest.approx(np.std(values[:-1]))


def test_deviations_of_extremes(write_column):
    assert deviations([write_column("none", [None, None])], ["x"]).tolist() == [0.0]
    assert deviations([write_column("empty", [])], ["x"]).tolist() == [0.0]
    assert deviations([write_column("still", [0.1] * 9)], ["x"])[0] == pytest.approx(0, abs=1e-15)
    assert deviations([write_column("huge", [1e308, -1e308])], ["x"])[0] == pytest.approx(1e308)


def test_partners_are_the_same_however_rows_are_ordered(tmp_path, monkeypatch):
    monkeypatch.setattr(mixup_partners, "PARTNERS", 20)
    monkeypatch.setattr(mixup_partners, "BATCH_ROWS", 7)
    ids = np.array([f"r{i:03d}" for i in range(100)])

    def chosen(order, cut):
        files = [tmp_path / "a", tmp_path / "b"]
        for file, part in zip(files, (order[:cut], order[cut:]), strict=True):
            pq.write_table(pa.table({"id": ids[part], "label": np.where(part % 3, "p", "q"), "x": part * 1.0}), file)
        return choose_partners(files, ["x"], "label", seed=0)

    one = chosen(np.arange(100), 100)
    other = chosen(np.random.default_rng(0).permutation(100), 30)
    assert len(one) == 20
    assert one.equals(other)
    partners = partners_of(one, ["x"])
    groups = pa.array(["p", "q", "nobody", "p"])
    found = partners.of(groups, np.arange(4, dtype=np.uint64))
    assert found.shape == (4, 1)
    assert [value % 3 == 0 for value in found[[0, 1, 3], 0]] == [False, True, False]
    assert np.isnan(found[2, 0])


def plan(**values):
    return AugmentationPlan(
        **{"strengths": {"a": 0.1, "b": 0.1}, "copies": 1, "row_share": 1.0, "extra": {}, "seed": 0, **values}
    )


KEYS = keys_of(pa.array([f"id{i}" for i in range(10_000)]))


def test_each_rule_copies_its_share_of_the_rows():
    counts = plan(copies=3, row_share=0.25).copies_of(KEYS, None)
    assert set(np.unique(counts)) == {0, 3}
    assert (counts > 0).mean(axis=0) == pytest.approx([0.25, 0.25], abs=0.015)
    # Rules choose independently of each other.
    assert ((counts[:, 0] > 0) & (counts[:, 1] > 0)).mean() == pytest.approx(0.0625, abs=0.01)


def test_balancing_copies_are_dealt_to_the_rules_in_turn():
    counts = plan(copies=0, extra={"rare": 3.3}).copies_of(KEYS, pa.array(["rare", "common"] * 5_000))
    assert counts[1::2].sum() == 0
    rare = counts[::2]
    assert rare.sum(axis=1).mean() == pytest.approx(3.3, abs=0.03)
    assert set(np.unique(rare.sum(axis=1))) == {3, 4}
    assert np.abs(rare[:, 0] - rare[:, 1]).max() == 1
    assert rare[:, 0].sum() == pytest.approx(rare[:, 1].sum(), rel=0.05)
    assert plan(copies=2, extra={"rare": 3.3}).most_copies == 8


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 10**6), min_size=1), st.floats(0, 1), st.floats(0, 9))
def test_balanced_labels_reach_the_ratio_and_no_more(rows, ratio, regular):
    extra = balancing(rows, ratio, regular, limit=10**9)
    largest = max(rows.values())
    for label, count in rows.items():
        total = count * (1 + regular + extra.get(label, 0))
        expected = max(count, ratio * largest) * (1 + regular)
        assert total == pytest.approx(expected)


def test_seeds_differ_by_rule_copy_and_seed():
    seeds = [plan(seed=s).seeds(KEYS, rule, copy) for s in (0, 1) for rule in ("a", "b") for copy in (1, 2)]
    assert len({tuple(part.tolist()) for part in seeds}) == 8
    assert np.unique(np.concatenate(seeds)).size == 80_000

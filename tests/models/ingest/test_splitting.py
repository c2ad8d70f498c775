import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ingest.identity import content_ids, dealt, joined, keys_of, number_repeats
from models.ingest.splitting import Buckets, Groups, Splits, Strata, stratified_bounds

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20)
NOBODY = np.empty(0, np.uint64)


def keys(texts: list[str]) -> np.ndarray:
    return keys_of(pa.array(texts, pa.string()))


@pytest.fixture
def many() -> np.ndarray:
    return keys([f"text {i}" for i in range(20_000)])


@pytest.fixture
def alone(tmp_path) -> Groups:
    return Groups.write(tmp_path / "nobody", NOBODY, NOBODY)


@settings(deadline=None)
@given(texts=TEXTS, seed=st.integers(), shards=st.integers(1, 7), slices=st.integers(1, 4096))
def test_a_bucket_depends_on_the_text_alone_and_slices_are_ranges_of_keys(texts, seed, shards, slices):
    buckets = Buckets(shards, slices, seed)
    together = buckets.of(keys(texts))
    assert together.tolist() == [int(buckets.of(keys([text]))[0]) for text in texts]
    assert all(0 <= bucket < shards * slices for bucket in together)
    for shard in range(shards):
        inside = np.isin(together, list(buckets.of_shard(shard)))
        by_key = np.argsort(keys(texts)[inside], kind="stable")
        assert (np.diff(together[inside][by_key]) >= 0).all()
    one_slice = Buckets(shards, 1, seed).of(keys(texts))
    assert (together // slices == one_slice).all()


def test_shares_are_what_was_asked_and_shards_are_even(many, alone):
    found = np.bincount(Splits(alone, 0.2, 0.1, 0).of(many)) / 20_000
    assert np.allclose(found, [0.7, 0.2, 0.1], atol=0.01)
    assert np.bincount(Buckets(4, 1, 0).of(many)).min() > 4_700


def test_seed_deals_anew_and_splits_survive_a_pickle(many, alone):
    splits = Splits(alone, 0.2, 0.1, 0)
    assert (splits.of(many) == pickle.loads(pickle.dumps(splits)).of(many)).all()
    assert 0.4 < (splits.of(many) == Splits(alone, 0.2, 0.1, 1).of(many)).mean() < 0.7


def test_shard_and_split_are_independent(many, alone):
    splits = Splits(alone, 0.5, 0.25, 0).of(many)
    shards = Buckets(4, 1, 0).of(many)
    table = np.histogram2d(splits, shards, bins=(3, 4))[0] / len(many)
    assert np.allclose(table, np.outer([0.25, 0.5, 0.25], [0.25] * 4), atol=0.01)


def test_no_share_means_no_row(many, alone):
    assert set(Splits(alone, 0.0, 0.1, 0).of(many)) == {0, 2}
    assert set(Splits(alone, 0.1, 0.0, 0).of(many)) == {0, 1}


def test_groups_stay_together_and_are_dealt_as_their_representative(many, alone, tmp_path):
    members = many[:9_000]
    representatives = np.repeat(members[::3], 3)
    groups = Groups.write(tmp_path / "groups", members[::-1], representatives[::-1])
    assert (groups.of(many) == np.append(representatives, many[9_000:])).all()
    splits = Splits(groups, 0.3, 0.3, 0).of(many)
    assert (splits[:9_000].reshape(-1, 3) == splits[:9_000:3, np.newaxis]).all()
    assert (splits[9_000:] == Splits(alone, 0.3, 0.3, 0).of(many)[9_000:]).all()


def test_shares_hold_within_each_stratum_exactly(many, alone):
    strata = np.where(np.arange(20_000) % 100 == 0, np.uint64(7), np.uint64(3))
    even = Splits(alone, 0.2, 0.1, 0)
    bounds = [stratified_bounds(even.positions(many)[strata == name], 0.2, 0.1) for name in (3, 7)]
    names = np.array([3, 7], np.uint64)
    splits = Splits(alone, 0.2, 0.1, 0, Strata(names, np.array(bounds), NOBODY)).of(many, strata)
    assert np.bincount(splits[strata == 7]).tolist() == [140, 40, 20]
    assert np.bincount(splits[strata == 3]).tolist() == [13_860, 3_960, 1_980]


@settings(deadline=None)
@given(texts=TEXTS, labels=TEXTS)
def test_ids_say_what_a_record_holds(texts, labels):
    pairs = sorted(set(zip(texts, labels, strict=False)))
    text, label = (pa.array(column, pa.string()) for column in zip(*pairs, strict=True))
    ids = content_ids(keys_of(text), joined([text, label], len(text))).to_pylist()
    assert len(set(ids)) == len(pairs) and all(len(name) == 24 for name in ids)
    assert [int(name[:16], 16) for name in ids] == keys_of(text).tolist()


def test_columns_are_not_mixed_up_when_joined():
    rows = joined([pa.array(["ab", "a", None]), pa.array([["x", "y"], ["xy"], []])], 3).to_pylist()
    assert len(set(rows)) == 3
    assert joined([], 2).to_pylist() == ["", ""]


@given(st.lists(st.sampled_from("abc"), max_size=12).map(sorted))
def test_repeats_become_unique(names):
    numbered = number_repeats(pa.array(names, pa.string())).to_pylist()
    assert len(set(numbered)) == len(names)
    assert [name.partition("-")[0] for name in numbered] == names


def test_dealing_is_even_and_differs_by_purpose(many):
    share = dealt(many, purpose="split", seed=0) / 2.0**64
    assert abs(share.mean() - 0.5) < 0.01 and abs(share.std() - 12**-0.5) < 0.01
    other = dealt(many, purpose="shard", seed=0) / 2.0**64
    assert abs(np.corrcoef(share, other)[0, 1]) < 0.03

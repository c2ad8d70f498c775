import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from models.splitting import Buckets, content_ids, number_repeats

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20)


def places(buckets: Buckets, texts: list[str], labels: list[str]) -> list[tuple[str, int, int]]:
    strings = pa.array(texts, pa.string())
    ids = content_ids(strings, pa.array(labels, pa.string()))
    return [buckets.place(int(bucket)) for bucket in buckets.of(strings, ids)]


@settings(deadline=None)
@given(texts=TEXTS, seed=st.integers(), shards=st.integers(1, 7), slices=st.integers(1, 256))
def test_place_depends_on_the_record_alone_and_split_and_shard_on_the_text(texts, seed, shards, slices):
    buckets = Buckets(0.2, 0.3, seed, shards, slices)
    together = places(buckets, texts, ["a"] * len(texts))
    alone = [places(buckets, [text], ["a"])[0] for text in texts]
    other_label = [place[:2] for place in places(buckets, texts, ["b"] * len(texts))]
    assert together == alone
    assert other_label == [place[:2] for place in together]
    assert all(split in ("train", "eval", "test") for split, _, _ in together)
    assert all(shard < shards and part < slices for _, shard, part in together)


def test_shares_are_what_was_asked_and_shards_are_even():
    texts = [f"text {i}" for i in range(20_000)]
    found = places(Buckets(0.2, 0.1, 0, 4), texts, ["a"] * len(texts))
    splits = [split for split, _, _ in found]
    assert abs(splits.count("eval") / 20_000 - 0.2) < 0.01
    assert abs(splits.count("test") / 20_000 - 0.1) < 0.01
    assert np.bincount([shard for _, shard, _ in found]).min() > 4_700


def test_seed_deals_anew_and_slices_do_not_show():
    texts = [f"text {i}" for i in range(200)]
    first = places(Buckets(0.3, 0.3, 0, 4), texts, ["a"] * 200)
    assert first != places(Buckets(0.3, 0.3, 1, 4), texts, ["a"] * 200)
    sliced = places(Buckets(0.3, 0.3, 0, 4, slices=16), texts, ["a"] * 200)
    assert [place[:2] for place in sliced] == [place[:2] for place in first]
    assert len({part for _, _, part in sliced}) > 10


def test_slices_are_ranges_of_ids():
    texts = pa.array([f"text {i}" for i in range(200)])
    ids = content_ids(texts, texts)
    parts = Buckets(0.0, 0.0, 0, 1, slices=16).of(texts, ids)
    in_order = parts[np.argsort(ids.to_numpy(zero_copy_only=False))]
    assert (np.diff(in_order) >= 0).all()


def test_ids_tell_label_and_text_apart():
    texts, labels = pa.array(["b:c", "c", "c"]), pa.array(["a", "a:b", "a:b"])
    ids = content_ids(texts, labels).to_pylist()
    assert ids[0] != ids[1] == ids[2]
    assert {len(name) for name in ids} == {24}


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc")))
def test_repeats_become_unique(names):
    numbered = number_repeats(pa.array(sorted(names), pa.string())).to_pylist()
    assert len(set(numbered)) == len(names)
    assert [name[0] for name in numbered] == sorted(names)

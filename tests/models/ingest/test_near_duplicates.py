from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ingest import near_duplicates
from models.ingest.near_duplicates import find_edges, groups
from models.ingest.sketch_files import band_hashes, write_signatures
from models.ingest.sketches import NearDuplicates, shingle_hashes, signatures
from schemas.errors import UserError

SETTINGS = NearDuplicates()
SMALL = NearDuplicates(permutations=16, bands=8, threshold=0.5)
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=12)
WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]


def shingles(text: str, size: int) -> set[str]:
    padded = text.ljust(size)
    return {padded[i : i + size] for i in range(len(padded) - size + 1)}


def jaccard(first: str, second: str, size: int = SETTINGS.shingle) -> float:
    ours, theirs = shingles(first, size), shingles(second, size)
    return len(ours & theirs) / len(ours | theirs)


def search(folder, keys, rows, chosen, slices=1):
    """Write rows in some slices, the last first, and find pairs."""
    for number, part in enumerate(np.array_split(np.arange(len(keys)), slices)[::-1]):
        write_signatures(folder, f"slice-{number}", keys[part], rows[part], chosen)
    return [values.tolist() for values in find_edges(folder, chosen)]


def crowded(rng, rows: int, chosen: NearDuplicates) -> np.ndarray:
    """Signatures of rows that have much in common: few values to each place."""
    return rng.integers(0, 3, (rows, chosen.permutations)).astype(np.uint32)


@settings(deadline=None)
@given(texts=TEXTS, size=st.integers(1, 5), position=st.integers(0, 12))
def test_shingles_are_all_substrings_of_each_text_and_of_no_two(texts, size, position):
    texts.insert(min(position, len(texts)), "")
    hashes, offsets = shingle_hashes(pa.array(texts, pa.string()), size)
    named: dict[int, str] = {}
    for text, (start, stop) in zip(texts, pairwise(offsets), strict=True):
        padded = text.ljust(size)
        expected = [padded[i : i + size] for i in range(len(padded) - size + 1)]
        assert stop - start == len(expected)
        for value, shingle in zip(hashes[int(start) : int(stop)].tolist(), expected, strict=True):
            assert named.setdefault(value, shingle) == shingle
    assert len(set(named.values())) == len(named)


@settings(deadline=None)
@given(texts=TEXTS.filter(len), cut=st.integers(0, 12))
def test_signature_depends_on_the_text_alone(texts, cut):
    strings = pa.array(["before", *texts, texts[0]], pa.string())
    together = signatures(strings, SMALL)
    assert together.dtype == np.uint32
    assert together.shape == (len(texts) + 2, 16)
    assert (together[1] == together[-1]).all()
    parts = [signatures(part, SMALL) for part in (strings[:cut], strings[cut:])]
    assert (np.concatenate(parts) == together).all()


def test_signatures_do_not_depend_on_where_texts_are_cut_into_chunks(monkeypatch):
    rng = np.random.default_rng(0)
    texts = pa.array([" ".join(rng.choice(WORDS, size)) for size in rng.integers(1, 200, 700)])
    expected = signatures(texts, SMALL)
    monkeypatch.setattr("models.ingest.sketches.CHUNK_CHARACTERS", 500)
    monkeypatch.setattr("models.ingest.sketches.CHUNK_ROWS", 7)
    assert (signatures(texts, SMALL) == expected).all()


def test_a_null_is_an_empty_text():
    found = signatures(pa.array([None, "", "a"]), SMALL)
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_other_string_types_are_welcome():
    texts = ["some text", None, "more"]
    expected = signatures(pa.array(texts), SMALL)
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())):
        assert (signatures(pa.array(texts).cast(kind), SMALL) == expected).all()


def test_seed_is_fixed_for_good():
    """Signatures of two runs may meet; whoever changes this must know."""
    found = signatures(pa.array(["to be or not to be", "että"]), NearDuplicates(permutations=4, bands=2))
    assert found.tolist() == [
        [153351666, 62403799, 268838302, 316039684],
        [3440738176, 1060395063, 3771761138, 2096759318],
    ]


def test_agreement_estimates_the_jaccard_similarity():
    rng = np.random.default_rng(0)
    wide = NearDuplicates(permutations=256, bands=64)
    errors = []
    for size in (6, 20, 100):
        for kept in (0.2, 0.5, 0.8, 0.95):
            for _ in range(10):
                words = rng.choice(WORDS, size)
                others = np.where(rng.random(size) < kept, words, rng.choice(WORDS, size))
                pair = [" ".join(words), " ".join(others)]
                first, second = signatures(pa.array(pair), wide)
                errors.append((first == second).mean() - jaccard(*pair))
    # The standard error is at most 0.5 / sqrt(256) = 0.03 for one pair and 0.003 for the mean of 120.
    assert np.abs(errors).max() < 0.12
    assert abs(np.mean(errors)) < 0.01


@given(st.integers(0, 2**32))
def test_band_hashes_are_equal_exactly_where_bands_are(seed):
    rows = crowded(np.random.default_rng(seed), 40, SMALL)
    hashes = band_hashes(rows, SMALL.bands)
    assert hashes.shape == (8, 40)
    for band in range(8):
        places = rows[:, 2 * band : 2 * band + 2]
        assert ((hashes[band][:, None] == hashes[band]) == (places[:, None] == places).all(axis=-1)).all()


def test_edited_texts_are_found_with_their_similarity_and_others_are_not(tmp_path):
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(WORDS, 40)) for _ in range(300)]
    copies = [text.replace(text.split()[7], "zzzz", 1) for text in texts[:50]]
    keys = rng.integers(0, 2**64, 350, dtype=np.uint64)
    first, second, similarity = search(tmp_path, keys, signatures(pa.array(texts + copies), SETTINGS), SETTINGS)
    expected = sorted(tuple(sorted([int(keys[i]), int(keys[300 + i])])) for i in range(50))
    assert list(zip(first, second, strict=True)) == expected
    text_of = dict(zip(keys.tolist(), texts + copies, strict=True))
    exact = [jaccard(text_of[one], text_of[other]) for one, other in expected]
    assert np.abs(np.array(similarity) - exact).max() < 0.25
    assert np.abs(np.mean(similarity) - np.mean(exact)) < 0.03


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), slices=st.integers(1, 5))
def test_order_and_files_do_not_show(tmp_path_factory, seed, slices):
    rng = np.random.default_rng(seed)
    keys, rows = rng.integers(0, 2**64, 60, dtype=np.uint64), crowded(rng, 60, SMALL)
    expected = search(tmp_path_factory.mktemp("one"), keys, rows, SMALL)
    assert expected[0]
    order = rng.permutation(60)
    assert search(tmp_path_factory.mktemp("more"), keys[order], rows[order], SMALL, slices) == expected


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_pairs_are_sorted_unique_alike_and_enough(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    keys, rows = rng.permutation(60).astype(np.uint64), crowded(rng, 60, SMALL)
    first, second, similarity = search(tmp_path_factory.mktemp("pairs"), keys, rows, SMALL)
    pairs = list(zip(first, second, strict=True))
    assert pairs == sorted(set(pairs))
    assert all(one < other for one, other in pairs)
    row_of = np.argsort(keys)
    agreed = np.array([(rows[row_of[one]] == rows[row_of[other]]).mean() for one, other in pairs])
    assert np.allclose(similarity, (agreed - 1 / 256) / (255 / 256), atol=1e-6)
    assert (np.array(similarity) >= SMALL.threshold).all()


def test_equal_texts_become_one_key_and_pair_with_nothing(tmp_path):
    rows = signatures(pa.array(["the same text", "the same text", "another thing"] * 3), SETTINGS)
    keys = np.array([5, 5, 6] * 3, np.uint64)
    assert search(tmp_path, keys, rows, SETTINGS, 4) == [[], [], []]


def test_what_shares_a_phrase_costs_a_few_leaders_not_all_pairs(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 2**32, (3_000, 64), dtype=np.uint32)
    rows[:, :4] = 7
    rows[2_000:] = rows[0]
    compared = []
    real = near_duplicates._Search._similarity

    def counted(self, first, second):
        compared.append(len(first))
        return real(self, first, second)

    monkeypatch.setattr(near_duplicates._Search, "_similarity", counted)
    keys = np.arange(3_000, dtype=np.uint64)
    first, second, similarity = search(tmp_path, keys, rows, SETTINGS)
    assert list(zip(first, second, strict=True)) == [(0, other) for other in range(2_000, 3_000)]
    assert similarity == [1.0] * 1_000
    assert sum(compared) <= near_duplicates.LEADERS * 3_000


def test_large_inputs_are_worked_on_in_blocks_with_the_same_result(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    keys, rows = rng.permutation(500).astype(np.uint64), crowded(rng, 500, SMALL)
    expected = search(tmp_path / "whole", keys, rows, SMALL)
    monkeypatch.setattr(near_duplicates, "BLOCK_ROWS", 10)
    monkeypatch.setattr(near_duplicates, "COMPARED_PAIRS", 7)
    assert search(tmp_path / "blocks", keys, rows, SMALL, 9) == expected
    assert len(expected[0]) > 100


@pytest.mark.parametrize("rows", [0, 1])
def test_few_or_no_rows_have_no_near_duplicates(tmp_path, rows):
    texts = pa.array(["alone"] * rows, pa.string())
    assert search(tmp_path / "some", np.arange(rows), signatures(texts, SETTINGS), SETTINGS) == [[], [], []]
    assert [len(values) for values in find_edges(tmp_path / "nowhere", SETTINGS)] == [0, 0, 0]
    assert [len(values) for values in groups(np.empty(0, np.uint64), np.empty(0, np.uint64))] == [0, 0]


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=20))
def test_groups_are_what_union_find_gives(pairs):
    parent = {key: key for pair in pairs for key in pair}

    def root(key):
        return key if parent[key] == key else root(parent[key])

    for one, other in pairs:
        low, high = sorted([root(one), root(other)])
        parent[high] = low
    keys, representatives = groups(*np.array(pairs, np.uint64).reshape(-1, 2).T)
    assert keys.tolist() == sorted(parent)
    assert representatives.tolist() == [root(key) for key in sorted(parent)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"threshold": 0}, "threshold must be above 0 and at most 1. Received 0."),
        ({"threshold": 1.5}, "Received 1.5"),
        ({"shingle": 0}, "at least 1 character. Received 0."),
        ({"bands": 5}, "bands must divide permutations, as 16 does 64. Received 5 bands and 64 permutations."),
        ({"bands": 0}, "Received 0 bands"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, words):
    with pytest.raises(UserError, match=words):
        NearDuplicates(**wrong)

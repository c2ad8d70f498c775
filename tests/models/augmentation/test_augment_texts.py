import random
import zlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.augmentation import tfidf
from models.augmentation.embedding_neighbours import as_table, from_table, nearest
from models.augmentation.rules import edit_texts
from models.augmentation.text_edits import (
    NEAR_KEYS,
    core_of,
    delete_words,
    in_place_of,
    insert_words,
    mistype,
    replace_words,
    swap_words,
)
from models.augmentation.tfidf import count_words, load, replace_uninformative, save

NEIGHBOURS = {"good": ["great", "fine"], "film": ["movie"], "don't": ["do"]}
words = st.sampled_from(["good", "Good,", "FILM!", "film", "(don't", "the", "a", "-", "été", "映画", "plot"])
texts = st.lists(st.one_of(words, st.text(min_size=1, max_size=6)), max_size=12).map(" ".join)
shares = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**64 - 1)
EDITS = [swap_words, delete_words, insert_words, replace_words, mistype]


def edited(edit, text, share, seed):
    more = {"neighbours": NEIGHBOURS} if edit in (insert_words, replace_words) else {}
    return edit(text, share=share, rng=random.Random(seed), **more)


def count(text, share):
    return max(1, int(share * len(text.split())))


@pytest.mark.parametrize("edit", EDITS)
@given(text=texts, share=shares, seed=seeds)
def test_every_edit_writes_single_spaces_and_repeats_itself(edit, text, share, seed):
    new = edited(edit, text, share, seed)
    assert new == " ".join(new.split())
    assert new == edited(edit, text, share, seed)
    assert bool(new) == bool(text.split())


@given(text=texts, share=shares, seed=seeds)
def test_swaps_keep_the_words_and_move_two_for_each(text, share, seed):
    new = swap_words(text, share=share, rng=random.Random(seed))
    assert Counter(new.split()) == Counter(text.split())
    moved = sum(a != b for a, b in zip(text.split(), new.split(), strict=True))
    assert moved <= 2 * count(text, share)


@given(text=texts, share=shares, seed=seeds)
def test_deletion_keeps_the_order_and_never_takes_all(text, share, seed):
    old, new = text.split(), delete_words(text, share=share, rng=random.Random(seed)).split()
    rest = iter(old)
    assert all(word in rest for word in new)
    assert len(new) >= min(1, len(old))


def test_deletion_takes_the_stated_share():
    text = " ".join(map(str, range(10_000)))
    kept = delete_words(text, share=0.2, rng=random.Random(0)).split()
    assert 7_850 < len(kept) < 8_150


@given(text=texts, share=shares, seed=seeds)
def test_insertion_adds_neighbours_only(text, share, seed):
    old, new = (
        Counter(text.split()),
        Counter(insert_words(text, share=share, rng=random.Random(seed), neighbours=NEIGHBOURS).split()),
    )
    has_source = any(core_of(word) in NEIGHBOURS for word in old)
    assert old <= new
    assert (new - old).total() == (count(text, share) if has_source else 0)
    assert set(new - old) <= {"great", "fine", "movie", "do"}


@given(text=texts, share=shares, seed=seeds)
def test_replacement_changes_words_with_neighbours_only(text, share, seed):
    old, new = text.split(), replace_words(text, share=share, rng=random.Random(seed), neighbours=NEIGHBOURS).split()
    changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    assert all(core_of(b) in NEIGHBOURS[core_of(a)] for a, b in changed)
    assert len(changed) == min(count(text, share), sum(core_of(word) in NEIGHBOURS for word in old))


@given(text=texts, share=shares, seed=seeds)
def test_typos_change_one_letter_of_a_word_to_its_neighbour(text, share, seed):
    old, new = text.split(), mistype(text, share=share, rng=random.Random(seed)).split()
    changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    assert len(changed) <= count(text, share)
    for a, b in changed:
        letters = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
        assert len(core_of(a)) >= 4
        assert [y in NEAR_KEYS[x] for x, y in letters] == [True]


def test_keys_are_near_each_other_both_ways():
    assert all(key in NEAR_KEYS[near] for key, keys in NEAR_KEYS.items() for near in keys)
    assert (sorted(NEAR_KEYS["g"]), sorted(NEAR_KEYS["Q"]), sorted(NEAR_KEYS["m"])) == (
        sorted("fhtyvb"),
        ["A", "W"],
        sorted("njk"),
    )


@given(word=st.text(min_size=1, max_size=8), other=st.sampled_from(["fine", "o"]))
def test_a_replaced_word_keeps_its_punctuation(word, other):
    assert core_of(in_place_of(word, other)) == other


def test_rows_are_edited_with_their_own_generators():
    def batch(*rows):
        names = ("text", "text_raw", "text_pair", "text_pair_raw")
        return pa.record_batch([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], names)

    def shuffled(text, rng):
        return " ".join(rng.sample(text.split(), len(text.split())))

    first, second = ("a b c d e", "raw", None, None), ("one  two", None, "v w x y z", "raw")
    seeds = np.array([5, 6], np.uint64)
    both, changed = edit_texts(batch(first, second), seeds, edit=shuffled, names=("text", "text_pair"))
    alone, _ = edit_texts(batch(second), seeds[1:], edit=shuffled, names=("text", "text_pair"))
    assert both.to_pylist()[1] == alone.to_pylist()[0]
    assert changed.all()
    assert both.to_pylist()[0] == {
        "text": shuffled("a b c d e", random.Random(5)),
        "text_raw": None,
        "text_pair": None,
        "text_pair_raw": None,
    }
    _, changed = edit_texts(batch(("a  b", None, None, None)), seeds[:1], edit=lambda text, rng: "a b", names=("text",))
    assert changed.tolist() == [False]  # white space alone is no change


def test_words_are_counted_by_text_and_by_occurrence():
    information = count_words([pa.array(["The cat, the dog", None, "a  cat!"]), pa.array(["-", "a dog"])])
    assert information.texts == 4
    assert information.replacements == ["a", "cat", "dog", "the"]
    assert information.occurrences.tolist() == [2, 2, 2, 2]
    slots = [zlib.crc32(word.encode()) % tfidf.SLOTS for word in information.replacements]
    assert information.texts_with[slots].tolist() == [2, 2, 2, 1]
    assert information.idf("cat") == pytest.approx(np.log(2))
    assert information.idf("the") == pytest.approx(np.log(4))


@given(st.lists(texts, max_size=8), st.randoms())
def test_order_and_batches_of_texts_do_not_show(found, rng):
    one = count_words([pa.array(found, pa.string())])
    rng.shuffle(found)
    many = count_words([pa.array([text], pa.string()) for text in found])
    assert one.replacements == many.replacements
    assert one.occurrences.tolist() == many.occurrences.tolist()
    assert np.array_equal(one.texts_with, many.texts_with)


def test_a_sample_of_the_words_has_exact_counts(monkeypatch):
    monkeypatch.setattr(tfidf, "REPLACEMENTS", 50)
    numbers = random.Random(0).choices(range(500), k=5_000)
    batches = [pa.array([f"w{n}" for n in numbers[start : start + 40]]) for start in range(0, 5_000, 40)]
    information = count_words(batches)
    true = Counter(f"w{n}" for n in numbers)
    assert len(information.replacements) == 50
    assert information.occurrences.tolist() == [true[word] for word in information.replacements]
    assert count_words(batches[::-1]).replacements == information.replacements


def test_words_that_say_little_are_replaced_more_often():
    corpus = [f"the film was about {topic} and {topic}" for topic in ("war", "love", "dogs", "space", "food")]
    information = count_words([pa.array(corpus)])
    replaced = Counter()
    for seed in range(2_000):
        new = replace_uninformative(corpus[0], share=0.3, rng=random.Random(seed), words=information).split()
        replaced.update(place for place, (a, b) in enumerate(zip(corpus[0].split(), new, strict=True)) if a != b)
    # The topic has the highest TF-IDF: never replaced. The others share the replacements: 0.3 * 7 / 5 of each, less
    # those by the word itself.
    assert {place: replaced[place] for place in (4, 6)} == {4: 0, 6: 0}
    assert all(500 < replaced[place] <= 0.45 * 2_000 for place in (0, 1, 2, 3, 5))


def test_what_is_written_about_words_is_read_again(tmp_path):
    information = count_words([pa.array(["the film was good", "the plot was bad"])])
    save(information, tmp_path)
    again = load(tmp_path)
    draws = [[w.draw(random.Random(seed)) for seed in range(20)] for w in (information, again)]
    assert draws[0] == draws[1]
    assert (again.texts, again.idf("film")) == (2, information.idf("film"))


def test_no_words_no_replacements():
    information = count_words([pa.array([], pa.string())])
    assert replace_uninformative("all is new", share=0.5, rng=random.Random(0), words=information) == "all is new"


def test_neighbours_are_the_nearest_whole_words():
    names = ["[PAD]", "the", "film", "movie", "cinema", "banana", "##film", "Film", "f1", "fruit"]
    table = np.array([[1, 0], [1, 0], [1, 0.0], [1, 0.1], [1, 0.5], [-0.5, 1], [1, 0], [1, 0], [1, 0], [-0.5, 0.9]])
    found = nearest(names, table, count=2, min_cosine=0.8)
    assert found["film"] == ["movie", "cinema"]
    assert found["cinema"] == ["movie", "film"]
    assert found["banana"] == ["fruit"]
    assert set(found) == {"film", "movie", "cinema", "banana", "fruit"}
    assert from_table(as_table(found)) == found
    for word, near in found.items():
        vectors = table[[names.index(other) for other in (word, *near)]]
        cosines = vectors[1:] @ vectors[0] / np.linalg.norm(vectors[1:], axis=1) / np.linalg.norm(vectors[0])
        assert all(a >= b for a, b in pairwise(cosines))


def test_neighbours_do_not_depend_on_the_chunk(monkeypatch):
    table = np.random.default_rng(0).normal(size=(80, 8))
    names = [f"{a}{b}xx" for a in "abcdefgh" for b in "abcdefghij"]
    whole = nearest(names, table, count=3, min_cosine=0.3)
    monkeypatch.setattr("models.augmentation.embedding_neighbours.CHUNK", 7)
    assert nearest(names, table, count=3, min_cosine=0.3) == whole
    assert nearest(names[:1], table[:1], count=3, min_cosine=0.3) == {}
    assert nearest([], np.empty((0, 8)), count=3, min_cosine=0.3) == {}

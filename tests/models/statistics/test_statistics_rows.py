import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.features import repeated_rows
from models.statistics.rows import SplitStatistics, WordPieces, split_words
from schemas.columns import Columns


def batch(columns, **values):
    """A record batch of these columns; those not given are null."""
    schema = columns.arrow_schema()
    count = len(next(iter(values.values())))
    values = {"id": [f"{i:04d}" for i in range(count)], **values}
    arrays = [pa.array(values.get(field.name.replace("/", "_"), [None] * count), field.type) for field in schema]
    return pa.record_batch(arrays, schema=schema)


def toy_pieces():
    """One token per character; `?` is unknown."""
    vocabulary = ["?", *"abcdefghijklmnopqrstuvwxyz "]

    def tokenize(texts):
        tokens = [[vocabulary.index(letter) for letter in text] for text in texts.to_pylist()]
        return np.array([i for row in tokens for i in row], np.int64), np.array([len(row) for row in tokens], np.int64)

    return WordPieces(pa.array(["[UNK]", *vocabulary[1:]]), 0, tokenize)


def counted(counts):
    values, numbers = counts.result()
    return dict(zip(values.to_pylist(), numbers.tolist(), strict=True))


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.sampled_from(" \t\n\u3000\u2028\xa0\x1cabé")), max_size=6))
def test_words_are_those_of_str_split(texts):
    words, lengths = split_words(pa.array(texts, pa.string()))
    assert words.to_pylist() == [word for text in texts for word in text.split()]
    assert lengths.tolist() == [len(text.split()) for text in texts]


def test_words_without_a_vocabulary():
    statistics = SplitStatistics(Columns(), with_tokens=False)
    statistics.add(batch(Columns(), text=["A b a", "", None, "a b A"], label=["x", "y", None, "x"]), None)
    features = statistics.features
    assert list(features) == [
        *("id", "text", "text/characters", "text/words", "text/token", "text_raw", "label"),
    ]
    assert statistics.rows == 4
    assert counted(features["text/characters"].counts) == {0: 1, 5: 2}
    assert counted(features["text/words"].counts) == {0: 1, 3: 2}
    assert counted(features["text/token"].counts) == {"a": 4, "b": 2}
    assert features["text/token"].presence.values == 6
    assert features["text/token"].presence.missing == 1
    assert counted(features["label"].counts) == {"x": 2, "y": 1}
    assert features["text_raw"].presence.missing == 4
    assert features["text"].unique().value == 3
    assert features["text"].repeated() == 0


def test_tokens_with_a_vocabulary():
    columns = Columns(text_pair=True, label=None)
    statistics = SplitStatistics(columns, with_tokens=True)
    statistics.add(batch(columns, text=["ab?", "a", ""], text_pair=["xy", None, "z"]), toy_pieces())
    statistics.add(batch(columns, text=[None], text_pair=["x"]), toy_pieces())
    features = statistics.features
    assert counted(features["text/tokens"].counts) == {0: 1, 1: 1, 3: 1}
    assert counted(features["text/unknown_share"].counts) == {0: 1, 1 / 3: 1}
    assert features["text/unknown_share"].presence.missing == 2  # no tokens, no text
    assert counted(features["text/token"].counts) == {"[UNK]": 1, "a": 2, "b": 1}
    assert statistics.unknown_tokens("text/unknown_share") == 1
    assert statistics.unknown_tokens("text_pair/unknown_share") == 0
    assert counted(features["text_pair/tokens_of_both"].counts) == {1: 3, 5: 1}


@pytest.mark.parametrize("pieces", [None, toy_pieces()], ids=["words", "pieces"])
def test_a_column_that_is_not_there_is_missing(pieces):
    statistics = SplitStatistics(Columns(text_pair=True), pieces is not None, labels=("x",))
    statistics.add(pa.record_batch({"id": ["1", "2"], "text": ["a", "b"]}), pieces)
    missing = {name: feature.presence.missing for name, feature in statistics.features.items()}
    absent = ("text_raw", "text_pair", "text_pair/words", "text_pair/token", "label", "text/token|label=x")
    assert {name for name, count in missing.items() if count} >= set(absent)
    assert missing["text"] == missing["text/token"] == 0
    assert set(missing.values()) == {0, 2}


def test_lists_of_labels():
    columns = Columns(label="classes")
    statistics = SplitStatistics(columns, with_tokens=False)
    statistics.add(batch(columns, text=["a", "b", "c", "d"], label=[["x", "y"], ["x"], [], None]), None)
    label = statistics.features["label"]
    assert counted(label.counts) == {"x": 2, "y": 1}
    assert counted(label.lengths) == {0: 1, 1: 1, 2: 1}
    assert (label.presence.present, label.presence.missing, label.presence.least, label.presence.most) == (3, 1, 0, 2)


def test_numbers_count_what_is_no_number():
    columns = Columns(label="value", numeric=("size",), weight=True)
    statistics = SplitStatistics(columns, with_tokens=False)
    sizes = [0.0, -0.0, float("nan"), float("-inf"), None, 3.0]
    statistics.add(batch(columns, text=["a"] * 6, label=[1.0] * 6, numeric_size=sizes, weight=[0.5] * 6), None)
    size = statistics.features["numeric/size"]
    assert (size.zeros, size.nans, size.infinite, size.presence.missing, size.presence.present) == (2, 1, 1, 1, 5)
    assert counted(size.counts) == {0.0: 2, 3.0: 1}
    assert (size.least, size.most, size.moments.mean) == (0, 3, 1)
    assert statistics.features["label"].moments.mean == 1
    assert statistics.features["weight"].moments.mean == 0.5


@pytest.mark.parametrize("pieces", [None, toy_pieces()], ids=["words", "pieces"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_portions_do_not_show(size, pieces):
    rng = np.random.default_rng(5)
    columns = Columns(numeric=("size",), categorical=("kind",))
    rows = batch(
        columns,
        text=[" ".join(rng.choice(["good", "bad", "film", "plot"], rng.integers(0, 6))) for _ in range(1000)],
        label=rng.choice(["a", "b"], 1000).tolist(),
        numeric_size=rng.normal(size=1000),
        categorical_kind=[None if i % 7 == 0 else f"k{i % 50}" for i in range(1000)],
    )
    whole = SplitStatistics(columns, pieces is not None, labels=("a", "b"))
    whole.add(rows, pieces)
    merged = SplitStatistics(columns, pieces is not None, labels=("a", "b"))
    for start in reversed(range(0, 1000, size)):
        part = SplitStatistics(columns, pieces is not None, labels=("a", "b"))
        part.add(rows.slice(start, size), pieces)
        merged.merge(part)
    assert whole.features["text/token|label=a"].presence.present == rows["label"].to_pylist().count("a")
    for name, feature in whole.features.items():
        other = merged.features[name]
        assert other.presence == feature.presence
        for counts in ("counts", "repeats", "lengths"):
            if hasattr(feature, counts):
                assert counted(getattr(other, counts)) == counted(getattr(feature, counts))
        if hasattr(feature, "moments"):
            assert other.moments == feature.moments
        if hasattr(feature, "distinct"):
            assert other.unique() == feature.unique()


def sampled(counts, rate, seed):
    counts = np.array(counts)
    return counts[np.random.default_rng(seed).random(len(counts)) < rate]


@pytest.mark.parametrize("seed", range(5))
def test_repeated_rows_of_a_sample_of_the_texts(seed):
    nothing_twice = np.ones(100_000, np.int64)
    assert repeated_rows(sampled(nothing_twice, 1 / 4, seed), 1 / 4, 100_000) == 0
    pairs = np.append(nothing_twice, np.full(50_000, 2))
    assert repeated_rows(sampled(pairs, 1 / 4, seed), 1 / 4, 200_000) == pytest.approx(100_000, rel=0.02)
    # One text a hundred thousand times, caught by some samples and missed by others.
    giant = np.append(nothing_twice, 100_000)
    assert repeated_rows(sampled(giant, 1 / 4, seed), 1 / 4, 200_000) == pytest.approx(100_000, rel=0.03)


def test_repeated_rows_are_exact_when_all_is_known():
    assert repeated_rows(np.array([1, 1, 3, 2]), 1.0, 7) == pytest.approx(5)
    assert repeated_rows(np.array([], np.int64), 1.0, 0) == 0

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reports import Tokenization

pytestmark = pytest.mark.slow

TEXTS = [
    "the film was filmed in a filmhouse",
    "The FILM, très bon! 日本語 film-maker's",
    "tokens tokenize tokenizing tokenized\ttoken\u2028line",
    "x" * 60 + " 😀 don't stop",
] * 3


def count(tmp_path, texts, *, lowercase=True):
    from models.tokens.vocabulary_learning import CountWords, read_counts

    pq.write_table(pa.table({"text": texts}), tmp_path / "texts.parquet")
    target = tmp_path / "words.parquet"
    CountWords(("text",), lowercase=lowercase).process((str(tmp_path / "texts.parquet"), str(target)))
    return read_counts([target])


def table(counts):
    from models.tokens.vocabulary_learning import WORDS

    return pa.table([list(counts), list(counts.values())], schema=WORDS)


def test_words_are_split_and_folded_as_the_tokenizer_does(tmp_path):
    words = {row["word"]: row["count"] for row in count(tmp_path, TEXTS).table().to_pylist()}
    assert words["film"] == 9
    assert (words["tres"], words["日"], words["'"], words["line"], words["-"]) == (3, 3, 6, 3, 3)
    assert "The" not in words
    cased = {row["word"] for row in count(tmp_path, TEXTS, lowercase=False).table().to_pylist()}
    assert {"The", "FILM", "très"} <= cased


@pytest.mark.parametrize("lowercase", [True, False])
def test_no_word_of_the_texts_is_unknown(tmp_path, lowercase):
    import tensorflow as tf

    from models.tokens.tokenizing import WordPieceTokenizer
    from models.tokens.vocabulary_learning import learn

    vocabulary, left_out = learn(count(tmp_path, TEXTS, lowercase=lowercase).table(), 400)
    assert left_out == 0
    assert vocabulary[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert len(vocabulary) == len(set(vocabulary)) <= 400
    tokenizer = WordPieceTokenizer(vocabulary, Tokenization(max_length=128, lowercase=lowercase))
    assert tokenizer.unk_id not in tokenizer.pieces(tf.constant(TEXTS)).values.numpy()


def test_frequent_words_and_endings_become_pieces():
    from models.tokens.vocabulary_learning import learn

    # Stems are rare, their endings are not; one word comes often enough to be an entry of its own.
    rng = random.Random(0)
    stems = {"".join(rng.choices("bcdfgklm", k=4)) for _ in range(150)}
    words = {stem + ending: 3 for stem in stems for ending in ("tion", "ness")} | {"walking": 500}
    vocabulary, _ = learn(table(words), 120)
    assert "walking" in vocabulary
    assert stems.isdisjoint(vocabulary)
    for ending in ("tion", "ness"):
        assert [piece for piece in vocabulary if piece.startswith("##") and piece.endswith(ending)]


def test_order_of_the_words_does_not_matter_and_the_size_holds():
    from models.tokens.vocabulary_learning import learn

    rng = random.Random(0)
    words = {"".join(rng.choices("abcdefgh", k=rng.randint(2, 9))): rng.randint(1, 500) for _ in range(2000)}
    vocabulary, _ = learn(table(words), 300)
    shuffled = dict(rng.sample(list(words.items()), len(words)))
    assert learn(table(shuffled), 300) == (vocabulary, 0)
    assert 200 < len(vocabulary) <= 300


def test_rare_characters_make_room_and_are_counted():
    from models.tokens.vocabulary_learning import learn

    words = {chr(0x4E00 + i): 1000 - i for i in range(500)}
    vocabulary, left_out = learn(table(words), 200)
    assert left_out == 500 - (200 // 4 - 5)
    assert "一" in vocabulary
    assert chr(0x4E00 + 400) not in vocabulary
    assert len(vocabulary) <= 200


@given(st.lists(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(1, 9)), max_size=5))
def test_counts_add_up_however_they_come(parts):
    from models.tokens.vocabulary_learning import WordCounts

    counts = WordCounts()
    for part in parts:
        counts.add(table(part))
    expected = {word: sum(part.get(word, 0) for part in parts) for part in parts for word in part}
    assert {row["word"]: row["count"] for row in counts.table().to_pylist()} == expected
    assert counts.left_out == 0


def test_many_words_leave_the_rare_ones_out_and_say_how_often_they_came():
    from models.tokens.vocabulary_learning import WordCounts

    counts = WordCounts(most=10)
    for start in range(0, 60, 6):
        counts.add(table({f"rare{start + i}": 1 for i in range(6)} | {"frequent": 100}))
    found = {row["word"]: row["count"] for row in counts.table().to_pylist()}
    assert found["frequent"] == 1000
    assert len(found) <= 20
    assert sum(found.values()) + counts.left_out == 1060
    assert counts.left_out > 0

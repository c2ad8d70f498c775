import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tokens.framing import Ragged, frame, kept_lengths, room
from schemas.reports import Tokenization

CLS, SEP = 2, 3
TEXTS = st.lists(st.tuples(*[st.lists(st.integers(5, 60), max_size=20)] * 2), max_size=6)
TRUNCATIONS = ("longest_first", "only_first", "only_second")


def ragged(rows):
    splits = np.cumsum([0, *map(len, rows)])
    return Ragged(np.array([value for row in rows for value in row], np.int32), splits)


def rows_of(rows):
    return [part.tolist() for part in np.split(rows.values, rows.splits[1:-1])] if len(rows.splits) > 1 else []


def cut_one_by_one(first, second, most):
    """As `_truncate_seq_pair` of google-research/bert does it."""
    first, second = list(first), list(second)
    while len(first) + len(second) > most:
        (first if len(first) > len(second) else second).pop()
    return first, second


@given(TEXTS, st.integers(8, 30))
def test_single_texts_are_framed_and_cut_from_the_right(texts, max_length):
    rows = ragged([first for first, _ in texts])
    ids, segments = frame([rows], [np.minimum(rows.lengths(), room(max_length, 1))], CLS, SEP)
    assert rows_of(ids) == [[CLS, *first[: max_length - 2], SEP] for first, _ in texts]
    assert not segments.any()


@given(TEXTS, st.integers(8, 30))
def test_pairs_are_cut_by_the_rule_of_bert(texts, max_length):
    first, second = (ragged([pair[i] for pair in texts]) for i in (0, 1))
    kept = kept_lengths(first.lengths(), second.lengths(), room(max_length, 2), "longest_first")
    ids, segments = frame([first, second], kept, CLS, SEP)
    cut = [cut_one_by_one(*pair, max_length - 3) for pair in texts]
    assert rows_of(ids) == [[CLS, *a, SEP, *b, SEP] for a, b in cut]
    assert rows_of(Ragged(segments, ids.splits)) == [[0] * (len(a) + 2) + [1] * (len(b) + 1) for a, b in cut]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(5, 30))
def test_the_named_text_is_cut_and_the_other_only_without_room(first, second, room):
    def kept(truncation):
        a, b = kept_lengths(np.array([first]), np.array([second]), room, truncation)
        return int(a[0]), int(b[0])

    whole = min(first, room)
    assert kept("only_second") == (whole, min(second, room - whole))
    whole = min(second, room)
    assert kept("only_first") == (min(first, room - whole), whole)


@pytest.mark.slow
@pytest.mark.parametrize("truncation", TRUNCATIONS)
def test_equals_what_a_graph_does(tiny_vocabulary, truncation):
    import tensorflow as tf

    from models.tokens.tokenizing import WordPieceTokenizer

    rng = np.random.default_rng(0)
    texts = [[" ".join(rng.choice(tiny_vocabulary[5:17], n)) for n in rng.integers(0, 15, 200)] for _ in range(2)]
    tokenizer = WordPieceTokenizer(
        tiny_vocabulary, Tokenization(max_length=12, lowercase=True, pairs=True, truncation=truncation)
    )
    pieces = [tokenizer.pieces(tf.constant(column)) for column in texts]
    ids, segments = tokenizer.frame_pair(*pieces)
    first, second = (Ragged(part.values.numpy(), part.row_splits.numpy()) for part in pieces)
    kept = kept_lengths(first.lengths(), second.lengths(), room(12, 2), truncation)
    ours, our_segments = frame([first, second], kept, tokenizer.cls_id, tokenizer.sep_id)
    assert rows_of(ours) == ids.to_list()
    assert rows_of(Ragged(our_segments, ours.splits)) == segments.to_list()
    alone, _ = frame([first], [np.minimum(first.lengths(), room(12, 1))], tokenizer.cls_id, tokenizer.sep_id)
    assert rows_of(alone) == tokenizer(tf.constant(texts[0])).to_list()

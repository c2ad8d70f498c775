"""Record batches of one split into what is known of each of its features."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.statistics.counts import Counts, row_keys
from models.statistics.features import Feature, Names, Numbers, Strings, Texts
from models.statistics.label_tokens import given
from schemas.columns import NUMERIC, Columns

UNKNOWN = "[UNK]"
TOKENS_OF_BOTH = "text_pair/tokens_of_both"
WAITING = 1 << 16  # less than usual, 2 MB and not 15 (29 bytes each), since there are up to twenty labels

Tokenize = Callable[[pa.Array], tuple[np.ndarray, np.ndarray]]
"""Texts, strings [n], to the ids of all their WordPieces, int [m], and how many each text has, int [n]."""


@dataclass(frozen=True)
class WordPieces:
    """A vocabulary and how to apply it."""

    vocabulary: pa.Array
    unknown: int
    tokenize: Tokenize

    def counted(self, counts: np.ndarray) -> tuple[pa.Array, np.ndarray]:
        """The WordPieces that there are, given how often each is, int64 [vocabulary]: strings [k] and int64 [k]."""
        found = np.flatnonzero(counts)
        return self.vocabulary.take(pa.array(found)), counts[found]


@dataclass
class SplitStatistics:
    """All features of a split, in the order of its columns.

    Args:
        columns: of the examples.
        with_tokens: count WordPieces, not words.
        labels: those whose texts' tokens are counted apart too.
    """

    columns: Columns
    with_tokens: bool
    labels: tuple[str, ...] = ()
    rows: int = 0
    features: dict[str, Feature] = field(init=False)

    def __post_init__(self) -> None:
        self.features = dict(_features(self.columns, self.with_tokens, self.labels))

    def add(self, batch: pa.RecordBatch, pieces: WordPieces | None) -> None:
        """See rows; a column that the batch does not have is missing in all of them."""
        self.rows += len(batch)
        keys = row_keys(batch.column("id"))
        batch = _completed(batch, self.columns.arrow_schema())
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            self._add_column(name, column, keys)
            if name in self.columns.texts():
                self._add_words(batch, name, keys, with_tokens=pieces is None)
        if pieces is not None:
            self._add_pieces(batch, keys, pieces)

    def merge(self, other: "SplitStatistics") -> None:
        """Add what others have seen of the same split."""
        self.rows += other.rows
        for name, feature in other.features.items():
            self.features[name].merge(feature)  # type: ignore[arg-type]

    def unknown_tokens(self, feature: str) -> int:
        """How many `[UNK]` the tokens of a text have, of which `feature` is derived too."""
        tokens = self._strings(f"{feature.rpartition('/')[0]}/token")
        values, counts = tokens.counts.result()
        return int(counts[pc.equal(values, UNKNOWN).to_numpy(zero_copy_only=False)].sum()) if len(values) else 0

    def _add_column(self, name: str, column: pa.Array, keys: np.ndarray) -> None:
        present, keys, missing = _present(column, keys)
        feature = self.features[name]
        if isinstance(feature, Names):
            feature.add(present, missing=missing)
        elif isinstance(feature, Numbers):
            feature.add(_floats(present), keys, missing=missing)
        elif pa.types.is_list(column.type):
            lengths = pc.list_value_length(present).to_numpy(zero_copy_only=False)
            feature.add(present.flatten(), lengths.astype(np.int64), keys, missing=missing, is_list=True)
        else:
            feature.add(present, np.ones(len(present), np.int64), keys, missing=missing)

    def _add_words(self, batch: pa.RecordBatch, name: str, keys: np.ndarray, *, with_tokens: bool) -> None:
        texts, keys, missing = _present(batch.column(name), keys)
        words, lengths = split_words(texts)
        self._numbers(f"{name}/characters").add(_floats(pc.utf8_length(texts)), keys, missing=missing)
        self._numbers(f"{name}/words").add(lengths.astype(np.float64), keys, missing=missing)
        if not with_tokens:
            return
        tokens = pc.utf8_lower(words)
        self._strings(f"{name}/token").add(tokens, lengths, keys, missing=missing, is_list=True)
        numbers = self._label_numbers(batch, name)
        for number, label in enumerate(self.labels):
            rows = numbers == number
            own, others = tokens.filter(pa.array(np.repeat(rows, lengths))), len(batch) - int(rows.sum())
            self._strings(given(label, name)).add(own, lengths[rows], keys[rows], missing=others, is_list=True)

    def _add_pieces(self, batch: pa.RecordBatch, keys: np.ndarray, pieces: WordPieces) -> None:
        of_both = np.zeros(len(batch), np.int64)
        for name in self.columns.texts():
            column = batch.column(name)
            texts, text_keys, missing = _present(column, keys)
            ids, lengths = pieces.tokenize(texts)
            of_both[column.is_valid().to_numpy(zero_copy_only=False)] += lengths
            self._numbers(f"{name}/tokens").add(lengths.astype(np.float64), text_keys, missing=missing)
            shares = unknown_shares(ids == pieces.unknown, lengths)
            self._numbers(f"{name}/unknown_share").add(
                shares, text_keys[lengths > 0], missing=missing + int(np.sum(lengths == 0))
            )
            numbers = self._label_numbers(batch, name)
            counts = count_by_label(ids, lengths, numbers, len(self.labels), len(pieces.vocabulary))
            tokens = self._strings(f"{name}/token")
            tokens.add_counted(*pieces.counted(counts.sum(axis=0)), lengths, text_keys, missing=missing)
            for number, label in enumerate(self.labels):
                rows, own = numbers == number, pieces.counted(counts[number])
                feature, others = self._strings(given(label, name)), len(batch) - int(rows.sum())
                feature.add_counted(*own, lengths[rows], text_keys[rows], missing=others)
        if self.columns.text_pair:
            self._numbers(TOKENS_OF_BOTH).add(of_both.astype(np.float64), keys)

    def _label_numbers(self, batch: pa.RecordBatch, text: str) -> np.ndarray:
        """Which of `labels` the texts that are not null have: int [n]; their number where it is none of them."""
        is_text = batch.column(text).is_valid().to_numpy(zero_copy_only=False)
        if not self.labels:
            return np.zeros(int(is_text.sum()), np.int64)
        numbers = pc.index_in(batch.column("label"), pa.array(self.labels, pa.string())).fill_null(len(self.labels))
        return numbers.to_numpy()[is_text].astype(np.int64)

    def _numbers(self, name: str) -> Numbers:
        return cast(Numbers, self.features[name])

    def _strings(self, name: str) -> Strings:
        return cast(Strings, self.features[name])


def split_words(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """What stands between white space, as `str.split` has it: strings [n] to strings [m] and int64 [n], words per text.

    >>> words, lengths = split_words(pa.array(["  a b ", "", "c"]))
    >>> words.to_pylist(), lengths.tolist()
    (['a', 'b', 'c'], [2, 0, 1])
    """
    trimmed = pc.utf8_trim_whitespace(texts)
    words = pc.utf8_split_whitespace(trimmed)
    is_empty = pc.equal(trimmed, "").to_numpy(zero_copy_only=False)
    lengths = np.where(is_empty, 0, pc.list_value_length(words).to_numpy(zero_copy_only=False))
    flat = words.flatten()
    return flat.filter(pc.not_equal(flat, "")) if is_empty.any() else flat, lengths.astype(np.int64)


def unknown_shares(is_unknown: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Share of unknown tokens in each text that has tokens.

    >>> unknown_shares(np.array([True, False, False]), np.array([2, 0, 1])).tolist()
    [0.5, 0.0]
    """
    rows = np.repeat(np.arange(len(lengths)), lengths)
    unknown = np.bincount(rows[is_unknown], minlength=len(lengths))
    return unknown[lengths > 0] / lengths[lengths > 0]


def count_by_label(
    ids: np.ndarray, lengths: np.ndarray, numbers: np.ndarray, labels: int, vocabulary: int
) -> np.ndarray:
    """How often the texts of each label have each token.

    Args:
        ids: int [m], the tokens of all texts, each below `vocabulary`.
        lengths: int [n], how many tokens each text has; they sum up to m.
        numbers: int [n], the label of each text; `labels` if none.
        labels: how many there are.
        vocabulary: how many tokens there are.

    Returns:
        int64 [labels + 1, vocabulary]; last come the texts without a label.

    >>> count_by_label(np.array([0, 1, 1]), np.array([1, 2]), np.array([0, 1]), 1, 2).tolist()
    [[1, 0], [0, 2]]
    """
    cells = np.repeat(numbers * vocabulary, lengths) + ids
    return np.bincount(cells, minlength=(labels + 1) * vocabulary).reshape(labels + 1, vocabulary)


def _features(columns: Columns, with_tokens: bool, labels: tuple[str, ...]) -> Iterator[tuple[str, Feature]]:
    numbers = ("weight", *(NUMERIC + name for name in columns.numeric))
    for name in columns.arrow_schema().names:
        if name in numbers or (name == "label" and columns.label == "value"):
            yield name, Numbers()
        elif name in columns.texts():
            yield name, Texts()
        elif name == "id" or name.removesuffix("_raw") in columns.texts():
            yield name, Names()
        else:
            yield name, Strings()
        if name in columns.texts():
            yield f"{name}/characters", Numbers()
            yield f"{name}/words", Numbers()
            if with_tokens:
                yield f"{name}/tokens", Numbers()
                yield f"{name}/unknown_share", Numbers()
            yield f"{name}/token", Strings()
            for label in labels:
                yield given(label, name), Strings(counts=Counts(waiting=WAITING))
    if with_tokens and columns.text_pair:
        yield TOKENS_OF_BOTH, Numbers()


def _completed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of the schema, in its order; those that the batch does not have are null."""
    known = batch.schema.names
    return pa.record_batch(
        {one.name: batch.column(one.name) if one.name in known else pa.nulls(len(batch), one.type) for one in schema}
    )


def _present(column: pa.Array, keys: np.ndarray) -> tuple[pa.Array, np.ndarray, int]:
    """The values that are not null, the keys of their rows, and the number of nulls."""
    if not column.null_count:
        return column, keys, 0
    return column.drop_null(), keys[column.is_valid().to_numpy(zero_copy_only=False)], column.null_count


def _floats(values: pa.Array) -> np.ndarray:
    return values.cast(pa.float64()).to_numpy(zero_copy_only=False)

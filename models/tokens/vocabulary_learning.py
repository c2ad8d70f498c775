"""A WordPiece vocabulary of one's own, learnt from the words of the train split."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_text
from tensorflow_text.python.ops.bert_tokenizer import BasicTokenizer
from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

from models.tokens.vocabularies import MASK, SPECIAL_TOKENS

BATCH_ROWS = 8192
# Above this many different words the rarest are given up: this many take 0.5 GB while they are counted.
MOST_WORDS = 1_000_000
# The learner takes 40 seconds for these on one core; a word that is not among them is made of their pieces.
MOST_WORDS_LEARNT = 50_000
LONGEST_WORD = 50
SLACK = 0.05
WORDS = pa.schema({"word": pa.string(), "count": pa.int64()})


class WordCounts:
    """How often each word occurs, for millions of rows in bounded memory.

    As long as there are at most `most` different words the counts are exact. Above, words whose count is lowest are
    dropped until half remain (lossy counting, Manku and Motwani 2002): frequent words stay, `left_out` says how many
    occurrences went.
    """

    def __init__(self, most: int = MOST_WORDS) -> None:
        self._most = most
        self._parts = [WORDS.empty_table()]
        self.left_out = 0

    def add(self, words: pa.Table) -> None:
        """Add counts: schema WORDS, words may come more than once."""
        self._parts.append(words)
        if sum(map(len, self._parts)) > 2 * self._most:
            self._parts = [self._without_the_rarest(self.table())]

    def table(self) -> pa.Table:
        """The counts so far, by word: schema WORDS."""
        summed = pa.concat_tables(self._parts).group_by("word").aggregate([("count", "sum")])
        self._parts = [summed.rename_columns({"count_sum": "count"}).select(WORDS.names)]
        return self._parts[0].sort_by("word")

    def _without_the_rarest(self, words: pa.Table) -> pa.Table:
        if len(words) <= self._most:
            return words
        bound = words["count"].take(pc.sort_indices(words["count"], [("", "descending")]))[self._most // 2]
        kept = words.filter(pc.greater(words["count"], bound))
        self.left_out += pc.sum(words["count"]).as_py() - (pc.sum(kept["count"]).as_py() or 0)
        return kept


class CountWords(beam.DoFn):
    """Count the words of a Parquet shard, split and folded as the tokenizer does; writes them to a Parquet file.

    Args:
        columns: with texts.
        lowercase: whether to fold case and strip accents.
    """

    def __init__(self, columns: tuple[str, ...], *, lowercase: bool) -> None:
        self._columns = columns
        self._lowercase = lowercase

    def process(self, shard: tuple[str, str]) -> None:
        """Count one shard: where it lies and where its counts go."""
        source, target = shard
        counts = WordCounts()
        for batch in pq.ParquetFile(source).iter_batches(BATCH_ROWS, columns=list(self._columns), use_threads=False):
            for texts in batch.columns:
                counts.add(_counted(pc.utf8_split_whitespace(texts).flatten()))
        folded = WordCounts()
        for words in counts.table().to_batches(1 << 16):
            folded.add(split_words(words, lowercase=self._lowercase))
        table = folded.table().replace_schema_metadata({"left_out": str(counts.left_out + folded.left_out)})
        pq.write_table(table, target)


def split_words(words: pa.RecordBatch, *, lowercase: bool) -> pa.Table:
    """Words between blanks to words between blanks and punctuation, folded, with the counts of what they came from.

    Args:
        words: schema WORDS.
    """
    normalizer = tensorflow_text.FastBertNormalizer(lower_case_nfd_strip_accents=lowercase)
    texts = tf.constant(words.column("word").to_numpy(zero_copy_only=False), tf.string)
    parts = BasicTokenizer(lower_case=False).tokenize(normalizer.normalize(texts))
    counts = tf.repeat(tf.constant(words.column("count").to_numpy()), parts.row_lengths())
    found = pa.array(parts.values.numpy(), pa.binary()).cast(pa.string())
    return pa.table([found, counts.numpy()], schema=WORDS)


def read_counts(files: Iterable[Path]) -> WordCounts:
    """What `CountWords` wrote, added up."""
    counts = WordCounts()
    for file in files:
        table = pq.read_table(file)
        counts.left_out += int(table.schema.metadata[b"left_out"])
        counts.add(table.replace_schema_metadata(None))
    return counts


def learn(words: pa.Table, size: int) -> tuple[list[str], int]:
    """A WordPiece vocabulary, the same for the same words.

    The learner of tensorflow_text (top-down, with a frequency bound found by bisection), fed with the most frequent
    words. The special tokens come first, then every character alone and as a continuation, so that no word made of
    them is unknown, then the pieces by frequency.

    Args:
        words: schema WORDS.
        size: entries at most; up to a twentieth fewer come where the bound leaves a gap, fewer still from few words.

    Returns:
        The vocabulary, and how many rare characters found no room: all together take at most half of it.
    """
    special = [*SPECIAL_TOKENS, MASK]
    ordered = words.sort_by([("count", "descending"), ("word", "ascending")])
    counts = list(zip(ordered["word"].to_pylist(), ordered["count"].to_pylist(), strict=True))
    characters = _characters(counts)
    kept = characters[: max(1, size // 4 - len(special))]
    allowed = set(kept)
    usable = [(word, count) for word, count in counts if len(word) <= LONGEST_WORD and allowed.issuperset(word)]
    # As words of their own, since the learner takes its characters from words.
    alone = [(character, 1) for character in kept]
    pieces = _pieces(usable[:MOST_WORDS_LEARNT] + alone, size, special)
    entries = dict.fromkeys([*special, *sorted(kept), *(f"##{character}" for character in sorted(kept)), *pieces])
    return list(entries), len(characters) - len(kept)


def _pieces(counts: list[tuple[str, int]], size: int, special: list[str]) -> list[str]:
    """At most `size` entries of the learner, by the lowest frequency bound that gives no more.

    A word whose count reaches the bound is a piece itself, so the bound is at least the count of the word in place
    `size`; from there it is a few doublings away, where bisecting all counts takes fifteen tries of seconds each.
    """
    params = learner.Params(
        upper_thresh=None,
        lower_thresh=None,
        num_iterations=4,
        max_input_tokens=-1,
        max_token_length=LONGEST_WORD,
        max_unique_chars=-1,
        vocab_size=size,
        slack_ratio=SLACK,
        include_joiner_token=True,
        joiner="##",
        reserved_tokens=special,
    )
    low = high = counts[size][1] if len(counts) > size else 1
    while len(found := learner.learn_with_thresh(counts, high, params)) > size:
        low, high = high + 1, 2 * high
    while low < high and len(found) < (1 - SLACK) * size:
        middle = (low + high) // 2
        tried = learner.learn_with_thresh(counts, middle, params)
        if len(tried) > size:
            low = middle + 1
        else:
            high, found = middle, tried
    return list(found)


def _characters(counts: list[tuple[str, int]]) -> list[str]:
    """Every character, the most frequent first."""
    found: Counter[str] = Counter()
    for word, count in counts:
        for character in word:
            found[character] += count
    return sorted(found, key=lambda character: (-found[character], character))


def _counted(words: pa.Array) -> pa.Table:
    counts = words.value_counts()
    return pa.table([counts.field(0), counts.field(1)], schema=WORDS)

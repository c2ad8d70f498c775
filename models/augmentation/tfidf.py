"""Which words carry little information, and a text with some of those replaced: UDA's word replacement.

Xie et al. 2019, "Unsupervised Data Augmentation for Consistency Training", appendix: words with a low TF-IDF are
replaced, by words of the corpus that are uninformative themselves.
"""

import random
import zlib
from array import array
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.augmentation.text_edits import PUNCTUATION, core_of, in_place_of
from models.ingest.identity import keys_of

# Counts of words lie in a table of this size, so that memory does not grow with the number of different words.
# Two words share a place with a probability of one in a million; their counts are added.
SLOTS = 1 << 20
# Replacements come from so many different words at most: those with the smallest hashes, whatever the order of rows.
REPLACEMENTS = 20_000
BATCH_ROWS = 8192


@dataclass(frozen=True)
class WordInformation:
    """How often words occur.

    Args:
        texts: number of texts.
        texts_with: int64 [SLOTS], texts with a word of that slot.
        replacements: words that may replace others, sorted.
        occurrences: int64 [len(replacements)], how often each occurs in all texts.
    """

    texts: int
    texts_with: np.ndarray
    replacements: list[str]
    occurrences: np.ndarray

    def idf(self, core: str) -> float:
        """Logarithm of the share of texts without the word: 0 for one that is everywhere."""
        return float(self._idf[_slot(core)])

    def draw(self, rng: random.Random) -> str:
        """A replacement; the less its occurrences times its `idf`, the likelier."""
        return self.replacements[min(bisect(self._cumulated, rng.random()), len(self.replacements) - 1)]

    @cached_property
    def _idf(self) -> np.ndarray:
        return np.log(max(1, self.texts) / np.maximum(1, self.texts_with))

    @cached_property
    def _cumulated(self) -> array:
        scores = self.occurrences * self._idf[[_slot(word) for word in self.replacements]]
        chances = scores.max(initial=0) - scores
        # Equally informative words are equally likely.
        chances = np.cumsum(chances if chances.sum() > 0 else np.ones(len(scores)))
        return array("d", chances / chances[-1:])


def replace_uninformative(text: str, *, share: float, rng: random.Random, words: WordInformation) -> str:
    """Replace about `share` of the words by others, those with a low TF-IDF likelier than those with a high one.

    The word of the highest TF-IDF is never replaced.

    >>> words = count_words([pa.array(["the film was good", "the plot was bad", "the end was good"])])
    >>> replace_uninformative("the film was good", share=0.3, rng=random.Random(7), words=words)
    'the film the good'
    """
    found = text.split()
    cores = [core_of(word) for word in found]
    counts = Counter(cores)
    scores = [counts[core] / len(cores) * words.idf(core) for core in cores]
    highest = max(scores, default=0.0)
    mean = sum(highest - score for score in scores) / max(1, len(scores))
    for place, score in enumerate(scores):
        if mean > 0 and cores[place] and rng.random() < share * (highest - score) / mean:
            found[place] = in_place_of(found[place], words.draw(rng))
    return " ".join(found)


def count_words(columns: Iterator[pa.Array] | Sequence[pa.Array]) -> WordInformation:
    """Look once through texts, some thousand at a time: strings, null or not. Their order does not show."""
    texts, texts_with = 0, np.zeros(SLOTS, np.int64)
    sample = _WordSample()
    for column in columns:
        column = column.drop_null()
        texts += len(column)
        words, occurrences, in_texts = _count_batch(column)
        np.add.at(texts_with, [_slot(word) for word in words.to_pylist()], in_texts)
        sample.add(words, occurrences)
    replacements, occurrences = sample.words()
    return WordInformation(texts, texts_with, replacements, occurrences)


def read_texts(files: Sequence[Path], names: Sequence[str]) -> Iterator[pa.Array]:
    """The text columns of Parquet files, some thousand rows at a time."""
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=list(names), use_threads=False):
            yield from batch.columns


def save(words: WordInformation, folder: Path) -> None:
    """Write two small files, for workers to `load`."""
    table = pa.table({"word": words.replacements, "occurrences": words.occurrences})
    pq.write_table(table.replace_schema_metadata({"texts": str(words.texts)}), folder / "replacements.parquet")
    np.save(folder / "texts_with.npy", words.texts_with, allow_pickle=False)


def load(folder: Path) -> WordInformation:
    """What `save` wrote."""
    table = pq.read_table(folder / "replacements.parquet")
    texts_with = np.load(folder / "texts_with.npy", allow_pickle=False)
    texts = int(table.schema.metadata[b"texts"])
    return WordInformation(texts, texts_with, table["word"].to_pylist(), table["occurrences"].to_numpy())


class _WordSample:
    """The words with the smallest hashes and how often each occurs: exact, since such a word is never let go."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._keys: dict[str, int] = {}
        self._bound = 1 << 64

    def add(self, words: pa.Array, occurrences: np.ndarray) -> None:
        """Count different words."""
        keys = keys_of(words).tolist()
        for word, key, count in zip(words.to_pylist(), keys, occurrences.tolist(), strict=True):
            if key < self._bound:
                self._counts[word] += count
                self._keys[word] = key
        if len(self._keys) > 2 * REPLACEMENTS:
            self._let_go()

    def words(self) -> tuple[list[str], np.ndarray]:
        """The words, sorted, and their occurrences."""
        self._let_go()
        words = sorted(self._counts)
        return words, np.array([self._counts[word] for word in words], np.int64)

    def _let_go(self) -> None:
        if len(self._keys) > REPLACEMENTS:
            self._bound = sorted(self._keys.values())[REPLACEMENTS]
            for word in [word for word, key in self._keys.items() if key >= self._bound]:
                del self._keys[word], self._counts[word]


def _count_batch(texts: pa.Array) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """The different words of some texts, how often each occurs, and in how many texts."""
    split = pc.utf8_split_whitespace(texts)
    cores = pc.utf8_lower(pc.utf8_trim(pc.list_flatten(split), PUNCTUATION))
    is_word = pc.greater(pc.binary_length(cores), 0)
    owners = pc.list_parent_indices(split).filter(is_word).to_numpy(zero_copy_only=False).astype(np.int64)
    encoded = cores.filter(is_word).dictionary_encode()
    words, codes = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
    in_texts = np.unique(owners * max(1, len(words)) + codes) % max(1, len(words))
    return words, np.bincount(codes, minlength=len(words)), np.bincount(in_texts, minlength=len(words))


def _slot(core: str) -> int:
    return zlib.crc32(core.encode("utf-8", "surrogatepass")) % SLOTS

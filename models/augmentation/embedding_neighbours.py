"""Words of similar meaning, from the embedding table of a pretrained encoder; nothing else is needed."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.tokens.vocabularies import load_vocabulary, read_vocabulary

# Words in whose place no other word will do; EDA leaves stop words alone, too.
STOP_WORDS = frozenset(
    """a about above after again against all almost also am among an and any are aren as at be because been before being
    below between both but by can could couldn did didn do does doesn doing don down during each either ever every few
    for from further had hadn has hasn have haven having he her here hers herself him himself his how i if in into is
    isn it its itself just ll may me might mightn more most much must mustn my myself needn neither never no nor not now
    of off on once one only or other our ours ourselves out over own per re s same shall shan she should shouldn since
    so some such t than that the their theirs them themselves then there these they this those through to too under
    until up upon ve very was wasn we were weren what when where whether which while who whom why will with within
    without won would wouldn you your yours yourself yourselves""".split()  # noqa: SIM905  # reads better than a list
)
SHORTEST_WORD = 3
TABLE_NAMES = ("embeddings.word_embeddings.weight", "bert.embeddings.word_embeddings.weight")
CHUNK = 256


def find_neighbours(preset: str, *, count: int, min_cosine: float, wanted_by: str) -> dict[str, list[str]]:
    """For each word of a preset's vocabulary, up to `count` others with the nearest embeddings.

    MiniLM's 21,000 words take one core 7 seconds. Neighbours share a subject, not always a meaning: `good` has
    `excellent` and also `bad`. Higher cosines are safer.

    Args:
        preset: what `models.presets.locate` returned.
        count: neighbours per word at most.
        min_cosine: of the angle between the embeddings; words without such a neighbour are left out.
        wanted_by: `component.parameter`, for error messages.

    Raises:
        UserError: the preset is no BERT or cannot be loaded.
    """
    words, table = load_embeddings(preset, wanted_by=wanted_by)
    return nearest(words, table, count=count, min_cosine=min_cosine)


def nearest(words: list[str], table: np.ndarray, *, count: int, min_cosine: float) -> dict[str, list[str]]:
    """Neighbours among whole words of lower-case letters alone, nearest first.

    >>> nearest(["film", "movie", "##movie", "the"], np.array([[2, 1], [2, 2], [2, 1], [2, 1]], float), count=2,
    ...         min_cosine=0.9)
    {'film': ['movie'], 'movie': ['film']}

    Args:
        words: WordPieces by id.
        table: float [len(words), width].
        count: neighbours per word at most.
        min_cosine: least cosine.
    """
    ids = np.array([i for i, word in enumerate(words) if is_replaceable(word)], np.int64)
    vectors = table[ids].astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found = {}
    for start in range(0, len(ids), CHUNK):
        cosines = vectors[start : start + CHUNK] @ vectors.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -np.inf
        rows, columns = np.nonzero(cosines >= min_cosine)
        # Cosines that differ in their last digits only are equal: then the vocabulary's order decides.
        order = np.lexsort((columns, -np.round(cosines[rows, columns], 4), rows))
        columns, bounds = columns[order], np.searchsorted(rows, np.arange(len(cosines) + 1))
        for row, (begin, end) in enumerate(pairwise(bounds.tolist())):
            if begin < end:
                found[words[ids[start + row]]] = [words[ids[i]] for i in columns[begin : min(end, begin + count)]]
    return found


def is_replaceable(piece: str) -> bool:
    """Whether a WordPiece is a whole word of letters that carries meaning.

    >>> [is_replaceable(piece) for piece in ("film", "Film", "##film", "[CLS]", "2004", "the", "tv")]
    [True, False, False, False, False, False, False]
    """
    return piece.isalpha() and piece == piece.lower() and len(piece) >= SHORTEST_WORD and piece not in STOP_WORDS


def load_embeddings(preset: str, *, wanted_by: str) -> tuple[list[str], np.ndarray]:
    """A preset's WordPieces and their embeddings, float [words, width].

    Reads a Hugging Face folder directly, in a tenth of a second; else builds the encoder with KerasHub.

    Raises:
        UserError: the preset is no BERT or cannot be loaded.
    """
    folder = Path(preset)
    table = _read_safetensors(folder / "model.safetensors")
    if table is not None and (folder / "vocab.txt").is_file():
        words = read_vocabulary(folder / "vocab.txt")
    else:
        from models.bert import load_backbone

        words, _ = load_vocabulary(preset, wanted_by=wanted_by)
        table = np.asarray(load_backbone(preset, dropout=0.0, wanted_by=wanted_by).token_embedding.embeddings)
    return words, table[: len(words)]


def as_table(neighbours: dict[str, list[str]]) -> pa.Table:
    """For workers to read."""
    return pa.table({"word": list(neighbours), "neighbours": pa.array(neighbours.values(), pa.list_(pa.string()))})


def from_table(table: pa.Table) -> dict[str, list[str]]:
    """What `as_table` was given."""
    return dict(zip(table["word"].to_pylist(), table["neighbours"].to_pylist(), strict=True))


def _read_safetensors(file: Path) -> np.ndarray | None:
    if not file.is_file():
        return None
    import safetensors

    with safetensors.safe_open(file, "numpy") as tensors:
        name = next((name for name in TABLE_NAMES if name in tensors.keys()), None)  # noqa: SIM118  # no dict
        # NumPy has no bfloat16.
        if name is None or tensors.get_slice(name).get_dtype() not in ("F16", "F32", "F64"):
            return None
        return np.asarray(tensors.get_tensor(name))

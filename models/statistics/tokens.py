"""WordPieces of Arrow strings, for statistics: all of them, neither framed nor cut."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf

from models.statistics.rows import WordPieces
from models.tokens.tokenizing import WordPieceTokenizer
from schemas.reports import Tokenization


def word_pieces(vocabulary: Sequence[str], *, lowercase: bool) -> WordPieces:
    """A tokenizer for `SplitStatistics`; takes 0.4 seconds with 30,000 WordPieces."""
    tokenizer = WordPieceTokenizer(vocabulary, Tokenization(max_length=512, lowercase=lowercase))

    def tokenize(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        pieces = tokenizer.pieces(tf.constant(texts.to_numpy(zero_copy_only=False), tf.string))
        return pieces.values.numpy(), pieces.row_lengths().numpy()

    return WordPieces(pa.array(vocabulary, pa.string()), tokenizer.unk_id, tokenize)

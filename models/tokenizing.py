"""Text to WordPiece ids, the same op in training data, evaluation and serving."""

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_text

from models.vocabularies import SPECIAL_TOKENS, check_vocabulary
from schemas.reports import Tokenization


class WordPieceTokenizer(tf.Module):
    """Turns strings into `[CLS] pieces [SEP]`, cut from the right so that `[SEP]` survives.

    The vocabulary lives in the graph as constants: saved inside a SavedModel it needs no asset file. Equal to
    `tensorflow_text.BertTokenizer` but for line and paragraph separators, which are white space here: with
    `lowercase`, text is case-folded, accents are stripped and compatibility forms folded; without, nothing is
    changed. Words above 100 bytes become `[UNK]`.

    Args:
        vocabulary: WordPieces by id; continuations begin with `##`.
        tokenization: how long and whether to fold case.

    Raises:
        UserError: a special token is missing or an entry occurs twice.
    """

    def __init__(self, vocabulary: Sequence[str], tokenization: Tokenization) -> None:
        super().__init__(name="wordpiece")
        check_vocabulary(vocabulary)
        self.tokenization = tokenization
        self.pad_id, self.unk_id, self.cls_id, self.sep_id = map(list(vocabulary).index, SPECIAL_TOKENS)
        self._fast = tensorflow_text.FastBertTokenizer(
            vocab=list(vocabulary),
            token_out_type=tf.int32,
            unknown_token="[UNK]",
            lower_case_nfd_strip_accents=tokenization.lowercase,
        )

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Token ids of each text.

        Args:
            texts: string [n], UTF-8.

        Returns:
            int32 [n, None], between 2 and `max_length` ids a row.
        """
        return self.frame(self.pieces(texts))

    def pieces(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Ids of all WordPieces of each text, neither framed nor cut: string [n] to int32 [n, None]."""
        return self._fast.tokenize(texts)

    def frame(self, pieces: tf.RaggedTensor) -> tf.RaggedTensor:
        """Put `[CLS]` before and `[SEP]` behind at most `max_length - 2` pieces: int32 [n, None], both."""
        kept = pieces[:, : self.tokenization.max_length - 2]
        column = tf.ones([kept.nrows(), 1], tf.int32)
        return tf.concat([column * self.cls_id, kept, column * self.sep_id], axis=1)

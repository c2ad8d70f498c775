"""Text to WordPiece ids, the same op in training data, evaluation and serving."""

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_text

from models.tokens.vocabularies import SPECIAL_TOKENS, check_vocabulary
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

    def frame_pair(self, first: tf.RaggedTensor, second: tf.RaggedTensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """`[CLS] first [SEP] second [SEP]`, cut as `tokenization.truncation` says.

        Args:
            first, second: pieces of the texts: int32 [n, None].

        Returns:
            Token ids, and segment ids (0 up to the first `[SEP]`, 1 behind it): int32 [n, None] both.
        """
        room = tf.constant(self.tokenization.max_length - 3, first.row_splits.dtype)
        a, b = first.row_lengths(), second.row_lengths()
        if self.tokenization.truncation == "only_first":
            kept_b = tf.minimum(b, room)
            kept_a = tf.minimum(a, room - kept_b)
        else:
            least = (room + 1) // 2 if self.tokenization.truncation == "longest_first" else room
            kept_a = tf.minimum(a, tf.maximum(room - b, least))
            kept_b = tf.minimum(b, room - kept_a)
        column = tf.ones([first.nrows(), 1], tf.int32)
        start = tf.concat([column * self.cls_id, _head(first, kept_a), column * self.sep_id], axis=1)
        end = tf.concat([_head(second, kept_b), column * self.sep_id], axis=1)
        segments = tf.concat([tf.zeros_like(start), tf.ones_like(end)], axis=1)
        return tf.concat([start, end], axis=1), segments


def _head(rows: tf.RaggedTensor, kept: tf.Tensor) -> tf.RaggedTensor:
    """The first `kept[i]` values of each row."""
    return tf.ragged.boolean_mask(rows, tf.ragged.range(rows.row_lengths()) < kept[:, tf.newaxis])

"""How near two texts are in meaning, by a pretrained encoder."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from models.bert import load_backbone
from models.tokens.batches import bucket_lengths
from models.tokens.tokenizing import WordPieceTokenizer
from models.tokens.vocabularies import load_vocabulary
from schemas.reports import Tokenization

# What sentence-transformers cuts texts to for all-MiniLM-L6-v2.
MAX_LENGTH = 256
# Every batch has so many rows, the last ones filled up: in a batch of another shape the same text comes out
# different in its last digits, and texts at the bound would be kept or dropped by chance.
BATCH_ROWS = 32


class TextEncoder:
    """Mean of a BERT encoder's last layer over a text's tokens, at length 1, as sentence-transformers has it.

    MiniLM encodes 13 texts of 256 tokens a second on two cores that others use too.

    Args:
        preset: what `models.presets.locate` returned.
        wanted_by: `component.parameter`, for error messages.

    Raises:
        UserError: the preset is no BERT or cannot be loaded.
    """

    def __init__(self, preset: str, *, wanted_by: str) -> None:
        backbone = load_backbone(preset, dropout=0.0, wanted_by=wanted_by)
        words, lowercase = load_vocabulary(preset, wanted_by=wanted_by)
        self._max_length = min(MAX_LENGTH, backbone.max_sequence_length)
        tokenization = Tokenization(max_length=self._max_length, lowercase=lowercase)
        self._tokenizer = WordPieceTokenizer(words, tokenization)
        self._width = backbone.hidden_dim
        batch = tf.TensorSpec([BATCH_ROWS, None], tf.int32)
        self._encode = tf.function(lambda ids, mask: _mean_tokens(backbone, ids, mask), input_signature=[batch, batch])

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """One vector for each text: float32 [n, width]; a text's vector does not depend on the others."""
        vectors = np.empty((len(texts), self._width), np.float32)
        if not len(texts):
            return vectors
        tokens = self._tokenizer(tf.constant(list(texts), tf.string))
        widths = np.array(bucket_lengths(self._max_length))
        bucket = np.searchsorted(widths, tokens.row_lengths().numpy())
        for number in np.unique(bucket):
            rows = np.flatnonzero(bucket == number)
            for start in range(0, len(rows), BATCH_ROWS):
                batch = rows[start : start + BATCH_ROWS]
                vectors[batch] = self._encode_batch(tf.gather(tokens, batch), int(widths[number]))[: len(batch)]
        return vectors

    def similarity(self, texts: Sequence[str], others: Sequence[str]) -> np.ndarray:
        """Cosine of each pair: float32 [n]. Each different text is encoded once."""
        different = {text: place for place, text in enumerate(dict.fromkeys([*texts, *others]))}
        vectors = self.encode(list(different))
        first, second = ([different[text] for text in side] for side in (texts, others))
        return np.sum(vectors[first] * vectors[second], axis=1)

    def _encode_batch(self, tokens: tf.RaggedTensor, width: int) -> np.ndarray:
        ids = tokens.to_tensor(self._tokenizer.pad_id, shape=[None, width])
        mask = tf.sequence_mask(tokens.row_lengths(), width, tf.int32)
        fill = [[0, BATCH_ROWS - int(ids.shape[0])], [0, 0]]
        return self._encode(tf.pad(ids, fill), tf.pad(mask, fill)).numpy()


def _mean_tokens(backbone: keras.Model, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    inputs = {"token_ids": ids, "segment_ids": tf.zeros_like(ids), "padding_mask": mask}
    outputs = backbone(inputs, training=False)["sequence_output"]
    weights = tf.cast(mask, outputs.dtype)[:, :, tf.newaxis]
    mean = tf.reduce_sum(outputs * weights, axis=1) / tf.maximum(1.0, tf.reduce_sum(weights, axis=1))
    return tf.math.l2_normalize(mean, axis=-1)

"""A served model: raw strings in, labels and scores out, in float32, with all it needs in one SavedModel."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  # registers the tokenizer's operations

from models.tokens.tokenizing import WordPieceTokenizer
from schemas.reports import Tokenization


class Classifier(tf.Module):
    """Tokenizer, Keras model and labels as one function of texts.

    Only the ordered list of weights is tracked, not the Keras model: its object graph stores every weight under
    several names (178 MB for MiniLM instead of 91) and in an order that changes from process to process.

    Args:
        keras_model: takes some of token_ids, segment_ids, padding_mask (int32 [n, length]), gives logits [n, C].
        vocabulary: WordPieces by id.
        labels: class names by index.
        tokenization: how the model wants its texts cut.
    """

    def __init__(
        self, keras_model: Any, vocabulary: Sequence[str], labels: Sequence[str], tokenization: Tokenization
    ) -> None:
        super().__init__(name="classifier")
        self.tokenizer = WordPieceTokenizer(vocabulary, tokenization)
        self.weights = [weight.value for weight in keras_model.weights]
        self._labels = list(labels)
        self._wanted = [tensor.name for tensor in keras_model.inputs]
        self._logits = lambda inputs: keras_model(inputs, training=False)  # a closure is not tracked

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def classify(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answer string [n] with label string [n], score float32 [n] and scores float32 [n, C]."""
        tokens = self.tokenizer(text)
        width = tf.maximum(tokens.bounding_shape(axis=1), 2)  # an empty batch has no column to take [CLS] from
        token_ids = tokens.to_tensor(self.tokenizer.pad_id, shape=tf.stack([tokens.nrows(), width]))
        mask = tf.sequence_mask(tokens.row_lengths(), width, tf.int32)
        inputs = {"token_ids": token_ids, "segment_ids": tf.zeros_like(token_ids), "padding_mask": mask}
        scores = tf.nn.softmax(self._logits({name: inputs[name] for name in self._wanted}))
        best = tf.argmax(scores, axis=-1)
        return {
            "label": tf.gather(self._labels, best),
            "score": tf.reduce_max(scores, axis=-1),
            "scores": scores,
        }

    @tf.function(input_signature=[])
    def labels(self) -> tf.Tensor:
        """Class names in the order of `scores`: string [C]."""
        return tf.constant(self._labels)


def save(
    keras_model: Any,
    vocabulary: Sequence[str],
    labels: Sequence[str],
    tokenization: Tokenization,
    folder: Path,
) -> None:
    """Write a SavedModel whose `serving_default` takes `text` and gives `label`, `score` and `scores`.

    The same model saved by two processes gives the same files, but for `fingerprint.pb`. The model computes in
    float32 from here on, whatever precision it was trained in.

    Args:
        keras_model, vocabulary, labels, tokenization: see `Classifier`.
        folder: where to write.
    """
    compute_in_float32(keras_model)
    classifier = Classifier(keras_model, vocabulary, labels, tokenization)
    tf.saved_model.save(classifier, str(folder), signatures={"serving_default": classifier.classify})
    for name, lines in (("labels.txt", labels), ("vocab.txt", vocabulary)):
        path = folder / "assets" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def compute_in_float32(keras_model: Any) -> None:
    """Take mixed precision out of every layer of a model; its weights are float32 already."""
    for layer in keras_model._flatten_layers():
        if layer.compute_dtype in ("bfloat16", "float16"):
            layer.dtype_policy = "float32"


PROBES = ("", "a", "The plot was good, but far too long.", "Crème brûlée — 12 €\n😀", "no end in sight " * 200)


def difference(keras_model: Any, vocabulary: Sequence[str], tokenization: Tokenization, served: Any) -> float:
    """Largest difference between the scores of a Keras model, asked text by text, and of what `load` returned.

    NaN if either gives NaN.
    """
    tokenizer = WordPieceTokenizer(vocabulary, tokenization)
    expected = []
    for probe in PROBES:
        token_ids = tokenizer(tf.constant([probe])).to_tensor()
        inputs = {
            "token_ids": token_ids,
            "segment_ids": tf.zeros_like(token_ids),
            "padding_mask": tf.ones_like(token_ids),
        }
        logits = keras_model({tensor.name: inputs[tensor.name] for tensor in keras_model.inputs}, training=False)
        expected.append(tf.nn.softmax(logits).numpy())
    _, scores = predict(served, PROBES)
    return float(np.abs(np.concatenate(expected) - scores).max())


def load(folder: Path) -> Any:
    """The SavedModel in `folder`; ask it with `predict`, its classes with `class_names`."""
    return tf.saved_model.load(str(folder))


def class_names(model: Any) -> list[str]:
    """The labels of a loaded model, in the order of its scores."""
    return [label.decode() for label in model.labels().numpy()]


def predict(
    model: Any,
    texts: Sequence[str],
    batch_size: int = 64,
    report: Callable[[float], None] = lambda done: None,
) -> tuple[list[str], np.ndarray]:
    """Answer many texts, alike long ones together so that little is padded.

    Args:
        model: what `load` returned.
        texts: any number of texts.
        batch_size: texts per call.
        report: receives the share done after every batch.

    Returns:
        The labels and float32 scores [n, C], in the order of `texts`.
    """
    answer = model.signatures["serving_default"]
    order = np.argsort([len(text) for text in texts], kind="stable")
    labels = [np.zeros(0, object)]
    scores = [np.zeros((0, len(class_names(model))), np.float32)]
    for start in range(0, len(texts), batch_size):
        answers = answer(text=tf.constant([texts[i] for i in order[start : start + batch_size]]))
        labels.append(answers["label"].numpy())
        scores.append(answers["scores"].numpy())
        report(min(1.0, (start + batch_size) / len(texts)))
    back = np.argsort(order)
    return [label.decode() for label in np.concatenate(labels)[back]], np.concatenate(scores)[back]

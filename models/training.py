"""Fit a classifier: seeded, judged after every epoch, the best epoch kept."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from schemas.errors import UserError

History = list[dict[str, float]]
Report = Callable[[float | None, str], None]


@dataclass(frozen=True)
class Fitted:
    """What came out of `fit`; the model itself holds the best epoch's weights.

    Args:
        history: per epoch loss, accuracy, learning_rate (of its last step); with eval data also val_loss and
            val_accuracy.
        best_epoch: the one whose weights were kept, counted from 1.
        seconds_training: without judging.
    """

    history: History
    best_epoch: int
    seconds_training: float


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and choose operations that give the same result every time.

    This holds for the whole process and cannot be taken back.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    train: tf.data.Dataset,
    evaluation: tf.data.Dataset | None,
    *,
    epochs: int,
    train_rows: int,
    report: Report,
) -> Fitted:
    """Train, then put the weights of the epoch with the best eval accuracy back; ties go to the earlier one.

    Args:
        model: gives logits [n, classes] for the first part of a batch.
        optimizer: as made by `optimizers.adamw`.
        train: batches that know their number.
        evaluation: batches to judge every epoch by; without any the last epoch is kept.
        epochs: how often to go through `train`.
        train_rows: rows in `train`, for examples/s.
        report: receives the share done and a few words after every step.

    Raises:
        UserError: the train or eval loss is not a finite number any more.
    """
    # XLA made BERT steps of length 128 twice as slow on CPU, so it stays off.
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,
    )
    steps = int(train.cardinality())
    watch = _Watch(epochs=epochs, steps=steps, rows=train_rows, report=report)
    keep_best = keras.callbacks.EarlyStopping(
        monitor="val_accuracy", mode="max", patience=epochs, restore_best_weights=True
    )
    model.fit(
        train,
        validation_data=evaluation,
        epochs=epochs,
        shuffle=False,  # the batches are shuffled already
        verbose=0,
        callbacks=[watch, keep_best] if evaluation is not None else [watch],
    )
    best_epoch = epochs if evaluation is None else keep_best.best_epoch + 1
    return Fitted(watch.history, best_epoch, watch.seconds_training)


class _Watch(keras.callbacks.Callback):
    """Report every step, keep the history, stop on a loss that is no number."""

    def __init__(self, *, epochs: int, steps: int, rows: int, report: Report) -> None:
        super().__init__()
        self.epochs, self.steps, self.rows, self.report = epochs, steps, rows, report
        self.history: History = []
        self.seconds_training = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch, self._started = epoch, time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if batch == self.steps - 1:
            self._learning_rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {})["loss"]
        self._refuse_no_number("training", loss, f"in epoch {self._epoch + 1}, step {batch + 1} of {self.steps}")
        done = batch + 1
        self._seconds = time.perf_counter() - self._started
        speed = done / self.steps * self.rows / self._seconds
        share = (self._epoch + done / self.steps) / self.epochs
        self.report(share, f"epoch {self._epoch + 1}/{self.epochs} · loss {loss:.3f} · {speed:.0f} examples/s")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.seconds_training += self._seconds
        record = {name: float(value) for name, value in (logs or {}).items()}
        for kind, name in (("training", "loss"), ("eval", "val_loss")):
            if name in record:
                self._refuse_no_number(kind, record[name], f"at the end of epoch {epoch + 1}")
        self.history.append({**record, "learning_rate": self._learning_rate})

    def _refuse_no_number(self, kind: str, loss: float, when: str) -> None:
        if not math.isfinite(loss):
            raise UserError(
                f"The {kind} loss became {loss} {when}. Expected a finite number. Use a smaller learning_rate, "
                "a clip_norm above 0, or precision float32."
            )

import re

import pytest

from schemas.errors import UserError

pytestmark = pytest.mark.slow


def contrary_world():
    """A model that is right about the eval row, and a train row that teaches it the opposite."""
    import keras
    import numpy as np
    import tensorflow as tf

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, use_bias=False)])
    model.set_weights([np.array([[1.0, -1.0]])])
    train = tf.data.Dataset.from_tensor_slices(([[1.0]], [1])).batch(1)
    evaluation = tf.data.Dataset.from_tensor_slices(([[1.0]], [0])).batch(1)
    return model, train, evaluation


def quiet(share: float | None, text: str) -> None:
    """Hear nothing."""


def test_fit_keeps_the_best_epoch() -> None:
    import keras
    import numpy as np

    from models.training import fit

    model, train, evaluation = contrary_world()
    fitted = fit(model, keras.optimizers.SGD(1.0), train, evaluation, epochs=3, train_rows=1, report=quiet)
    assert [epoch["val_accuracy"] for epoch in fitted.history] == [1.0, 0.0, 0.0]
    assert fitted.best_epoch == 1
    # One step: each logit moves by the error, sigmoid(2).
    np.testing.assert_allclose(model.get_weights()[0], [[1 - 0.8808, -1 + 0.8808]], atol=1e-4)


def test_fit_prefers_the_earlier_of_equal_epochs() -> None:
    import keras

    from models.training import fit

    model, train, evaluation = contrary_world()
    fitted = fit(model, keras.optimizers.SGD(0.01), train, evaluation, epochs=3, train_rows=1, report=quiet)
    assert [epoch["val_accuracy"] for epoch in fitted.history] == [1.0, 1.0, 1.0]
    assert fitted.best_epoch == 1


def test_fit_without_eval_rows_keeps_the_last_epoch() -> None:
    import keras

    from models.training import fit

    model, train, _ = contrary_world()
    fitted = fit(model, keras.optimizers.SGD(0.01), train, None, epochs=2, train_rows=1, report=quiet)
    assert fitted.best_epoch == 2
    assert [sorted(epoch) for epoch in fitted.history] == [["accuracy", "learning_rate", "loss"]] * 2


def test_history_holds_the_rate_of_the_last_step_and_no_times() -> None:
    from models.optimizers import adamw
    from models.training import fit

    model, train, evaluation = contrary_world()
    optimizer = adamw(model, learning_rate=0.4, warmup_share=0.5, total_steps=4, weight_decay=0.0, clip_norm=0.0)
    fitted = fit(model, optimizer, train.repeat(2), evaluation, epochs=2, train_rows=2, report=quiet)
    assert [round(epoch["learning_rate"], 6) for epoch in fitted.history] == [0.4, 0.2]
    names = ["accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"]
    assert [sorted(epoch) for epoch in fitted.history] == [names, names]
    assert fitted.seconds_training > 0


def test_fit_reports_every_step() -> None:
    import keras

    from models.training import fit

    heard: list[tuple[float | None, str]] = []
    model, train, evaluation = contrary_world()
    fit(
        model,
        keras.optimizers.SGD(0.01),
        train.repeat(2),
        evaluation,
        epochs=2,
        train_rows=2,
        report=lambda share, text: heard.append((share, text)),
    )
    assert [share for share, _ in heard] == [0.25, 0.5, 0.75, 1.0]
    assert re.fullmatch(r"epoch 1/2 · loss 2\.1\d\d · \d+ examples/s", heard[0][1])
    assert heard[2][1].startswith("epoch 2/2 · loss ")


def test_fit_stops_when_the_loss_is_no_number() -> None:
    import keras
    import tensorflow as tf

    from models.training import fit

    model, _, evaluation = contrary_world()
    broken = tf.data.Dataset.from_tensor_slices(([[1.0], [float("nan")]], [1, 1])).batch(1)
    with pytest.raises(UserError, match=r"became nan in epoch 1, step 2 of 2.*smaller learning_rate"):
        fit(model, keras.optimizers.SGD(0.01), broken, evaluation, epochs=1, train_rows=2, report=quiet)


def test_fit_stops_when_the_eval_loss_is_no_number() -> None:
    import keras
    import tensorflow as tf

    from models.training import fit

    model, train, _ = contrary_world()
    broken = tf.data.Dataset.from_tensor_slices(([[float("nan")]], [0])).batch(1)
    with pytest.raises(UserError, match=r"eval loss became nan at the end of epoch 1.*smaller learning_rate"):
        fit(model, keras.optimizers.SGD(0.01), train, broken, epochs=2, train_rows=1, report=quiet)


def test_the_last_train_loss_of_an_epoch_is_looked_at() -> None:
    from models.training import _Watch

    watch = _Watch(epochs=1, steps=1, rows=1, report=quiet)
    watch.on_epoch_begin(0)
    watch._seconds, watch._learning_rate = 1.0, 0.1
    with pytest.raises(UserError, match="training loss became inf at the end of epoch 1"):
        watch.on_epoch_end(0, {"loss": float("inf"), "val_loss": 1.0})


def test_make_deterministic_seeds_new_weights() -> None:
    import keras
    import numpy as np

    from models.training import make_deterministic

    def fresh(seed: int) -> np.ndarray:
        make_deterministic(seed)
        return keras.initializers.RandomNormal()((3,)).numpy()

    assert fresh(1).tolist() == fresh(1).tolist()
    assert fresh(1).tolist() != fresh(2).tolist()

import pytest

pytestmark = pytest.mark.slow


def small_model():
    """Every kind of weight that BERT has, all of them 1."""
    import keras
    import numpy as np

    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(5, 4),
            keras.layers.LayerNormalization(),
            keras.layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"),
            keras.layers.Dense(2),
        ]
    )
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    return model


def test_learning_rate_rises_and_falls() -> None:
    from models.optimizers import LinearWarmupDecay

    rate = LinearWarmupDecay(peak=0.8, warmup_steps=2, total_steps=10)
    assert [round(float(rate(step)), 6) for step in (0, 1, 2, 4, 6, 9, 10, 11)] == [
        0.4,
        0.8,
        0.8,
        0.6,
        0.4,
        0.1,
        0.0,
        0.0,
    ]
    assert LinearWarmupDecay.from_config(rate.get_config()).get_config() == rate.get_config()


def test_learning_rate_without_warmup_and_with_nothing_else() -> None:
    from models.optimizers import LinearWarmupDecay

    assert float(LinearWarmupDecay(1.0, 0, 4)(0)) == 1.0
    assert [float(LinearWarmupDecay(1.0, 4, 4)(step)) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_weight_decay_leaves_biases_and_layer_norm_alone() -> None:
    import tensorflow as tf

    from models.optimizers import adamw

    model = small_model()
    optimizer = adamw(model, learning_rate=0.5, warmup_share=0.0, total_steps=1000, weight_decay=0.1, clip_norm=0.0)
    weights = model.trainable_variables
    optimizer.apply_gradients([(tf.zeros(weight.shape), weight) for weight in weights])
    decayed = {weight.path.split("/")[-1]: float(weight.numpy().flat[0]) for weight in weights}
    assert decayed == pytest.approx({"embeddings": 0.95, "kernel": 0.95, "bias": 1.0, "gamma": 1.0, "beta": 1.0})


@pytest.mark.parametrize(("clip_norm", "scale_loss"), [(0.0, False), (0.01, False), (0.01, True)])
def test_fused_steps_equal_keras_steps(clip_norm: float, scale_loss: bool) -> None:
    """Three steps; token 1 comes twice in one batch, whose slices Keras alone would square before adding them."""
    import keras
    import numpy as np
    import tensorflow as tf

    from models.optimizers import NOT_DECAYED, LinearWarmupDecay, adamw

    def trained(make) -> list[np.ndarray]:
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(5, 4),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dense(3, "tanh"),
                keras.layers.Dense(2),
            ]
        )
        model.compile(make(model), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(np.array([[1, 2], [3, 0], [4, 1]] * 2), np.array([0, 1, 1] * 2), batch_size=2, verbose=0)
        return model.get_weights()

    class DenseAdamW(keras.optimizers.AdamW):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(tf.convert_to_tensor(gradient), variable, learning_rate)

    def plain(model):
        optimizer = DenseAdamW(
            LinearWarmupDecay(0.1, 1, 3), weight_decay=0.1, epsilon=1e-8, global_clipnorm=clip_norm or None
        )
        optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if v.name in NOT_DECAYED])
        return optimizer

    def ours(model):
        return adamw(
            model,
            learning_rate=0.1,
            warmup_share=0.3,
            total_steps=3,
            weight_decay=0.1,
            clip_norm=clip_norm,
            scale_loss=scale_loss,
        )

    for a, b in zip(trained(ours), trained(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)

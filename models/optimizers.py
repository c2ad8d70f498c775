"""AdamW as BERT is fine-tuned: linear warmup and decay, clipped gradients, no decay of biases."""

from typing import Any

import keras
import tensorflow as tf

NOT_DECAYED = ("bias", "gamma", "beta")


@keras.saving.register_keras_serializable("modelmill")
class LinearWarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rise linearly to `peak` within `warmup_steps`, then fall linearly to zero at `total_steps`.

    The first step already learns, at `peak / warmup_steps`.
    """

    def __init__(self, peak: float, warmup_steps: int, total_steps: int) -> None:
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step, counted from 0."""
        step = keras.ops.cast(step, "float32")
        rise = (step + 1) / max(1, self.warmup_steps)
        fall = (self.total_steps - step) / max(1, self.total_steps - self.warmup_steps)
        return self.peak * keras.ops.clip(keras.ops.minimum(rise, fall), 0.0, 1.0)

    def get_config(self) -> dict[str, float]:
        """The three arguments."""
        return {"peak": self.peak, "warmup_steps": self.warmup_steps, "total_steps": self.total_steps}


class FusedAdamW(keras.optimizers.AdamW):
    """Keras' AdamW with TensorFlow's one kernel per weight instead of fifteen small operations."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Apply one gradient: the same formula as `keras.optimizers.Adam.update_step`."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.convert_to_tensor(gradient),  # embeddings give slices
        )


def adamw(
    model: keras.Model,
    *,
    learning_rate: float,
    warmup_share: float,
    total_steps: int,
    weight_decay: float,
    clip_norm: float,
    scale_loss: bool = False,
) -> keras.optimizers.Optimizer:
    """AdamW for the weights of `model` and a run of `total_steps`.

    Args:
        model: a built model with float32 weights.
        learning_rate: the highest one.
        warmup_share: share of the steps in which it rises.
        total_steps: steps of the whole run.
        weight_decay: per step and unit of learning rate; biases and LayerNorm weights keep theirs.
        clip_norm: largest norm of all gradients together; 0 leaves them as they are.
        scale_loss: keep small gradients above what float16 rounds to zero; a step that overflows is left out.
    """
    optimizer = FusedAdamW(
        learning_rate=LinearWarmupDecay(learning_rate, round(warmup_share * total_steps), total_steps),
        weight_decay=weight_decay,
        global_clipnorm=clip_norm or None,
        epsilon=1e-8,
    )
    # By variable, since the names that Keras would match here are TensorFlow's ("bias:0").
    optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if v.name in NOT_DECAYED])
    if scale_loss:
        # Keras wraps by the policy of the whole model, which is float32 here whatever the layers compute with.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    # Built here, because variables made inside the first step cause it to be traced twice.
    optimizer.build(model.trainable_variables)
    return optimizer

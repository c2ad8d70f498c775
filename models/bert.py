"""A BERT encoder from any preset, with one logit per class on top."""

from pathlib import Path

import keras
import keras_hub

from models.presets import check_is_bert
from schemas.errors import UserError, did_you_mean


def load_backbone(
    preset: str, *, dropout: float, precision: str = "float32", wanted_by: str = "preset"
) -> keras_hub.models.BertBackbone:
    """Load a pretrained BERT encoder.

    Args:
        preset: a folder (KerasHub's or Hugging Face's layout), a KerasHub preset name, or a hub handle.
        dropout: share of units dropped after the embeddings and in every layer, while training.
        precision: Keras dtype policy to compute with; weights are float32 in all of them.
        wanted_by: `component.parameter`, for the error message.

    Raises:
        UserError: the preset is no BERT, or cannot be loaded.
    """
    if Path(preset).exists():
        check_is_bert(Path(preset), wanted_by=wanted_by)
    try:
        return keras_hub.models.BertBackbone.from_preset(preset, dropout=dropout, dtype=precision, name="bert_backbone")
    # Hubs and file formats raise dozens of types, and all of them are about what the user named.
    except Exception as error:
        hint = did_you_mean(preset, list(keras_hub.models.BertBackbone.presets))
        raise UserError(
            f"{wanted_by}: '{preset}' cannot be loaded as a BERT encoder.{hint} Expected a folder with "
            f"a KerasHub or Hugging Face BERT, a KerasHub preset name, or a handle such as hf://user/model.\n"
            f"{type(error).__name__}: {str(error)[:500]}"
        ) from error


def bert_classifier(backbone: keras_hub.models.BertBackbone, *, num_classes: int, dropout: float) -> keras.Model:
    """The encoder's pooled output, dropout, and one logit per class.

    Args:
        backbone: the encoder.
        num_classes: classes to tell apart.
        dropout: share of pooled units dropped while training.

    Returns:
        A model from `token_ids`, `segment_ids` and `padding_mask`, int32 [n, length] each, to logits, float32
        [n, num_classes] whatever the encoder computes with.
    """
    # Layers
    # The policy by name: a shared policy object is saved with its memory address, so no two runs would be equal.
    policy = backbone.dtype_policy.name
    drop = keras.layers.Dropout(dropout, dtype=policy, name="classifier_dropout")
    head = keras.layers.Dense(
        num_classes,
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        dtype="float32",
        name="logits",
    )

    # Graph
    inputs = {
        name: keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "segment_ids", "padding_mask")
    }
    pooled = backbone(inputs)["pooled_output"]

    # Model
    return keras.Model(inputs, head(drop(pooled)), name="bert_classifier")


def in_float32(classifier: keras.Model) -> keras.Model:
    """The same classifier computing in float32, neither compiled nor tied to the given one."""
    backbone = classifier.get_layer("bert_backbone")
    twin = bert_classifier(
        type(backbone).from_config({**backbone.get_config(), "dtype": "float32"}),
        num_classes=classifier.get_layer("logits").units,
        dropout=classifier.get_layer("classifier_dropout").rate,
    )
    twin.set_weights(classifier.get_weights())
    return twin


def known_vocabulary(preset: str) -> list[str] | None:
    """The WordPieces a preset was trained with, or None if it does not say."""
    try:
        return list(keras_hub.models.BertTokenizer.from_preset(preset).get_vocabulary())
    except (ValueError, KeyError, TypeError, OSError):
        return None

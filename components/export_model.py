"""Keras model in, SavedModel out."""

from components.base import Input, Metrics, Output, Runtime, component
from schemas.artifacts import Model, ServingModel
from schemas.errors import UserError

TOLERANCE = 1e-5


@component
def export_model(model: Input[Model], serving_model: Output[ServingModel], runtime: Runtime) -> Metrics:
    """Write the model with its tokenizer and labels as a SavedModel: raw strings in, labels and scores out."""
    import keras
    import keras_hub  # noqa: F401  # registers the layers that the file names

    from models import serving
    from models.tokens import vocabularies

    card = model.card()
    vocabulary = vocabularies.read_vocabulary(model.vocabulary)
    keras_model = keras.saving.load_model(model.keras_file, compile=False)

    runtime.report(0.1, "saving")
    serving_model.path.mkdir(parents=True, exist_ok=True)
    serving.save(keras_model, vocabulary, card.labels, card.tokenization, serving_model.saved_model)

    runtime.report(0.8, "comparing with the Keras model")
    served = serving.load(serving_model.saved_model)
    difference = serving.difference(keras_model, vocabulary, card.tokenization, served)
    if not difference <= TOLERANCE:  # NaN is not
        raise UserError(
            f"export_model: the exported model's scores differ from the trained model's by {difference:g}, expected "
            f"at most {TOLERANCE:g}. If this says nan, the training diverged: train with a lower learning rate."
        )
    size = sum(file.stat().st_size for file in serving_model.files())
    return {"size_mb": round(size / 1e6, 1), "labels": len(card.labels)}

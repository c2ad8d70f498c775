from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.base import Runtime
from components.export_model import export_model
from schemas.artifacts import Model, ServingModel
from schemas.errors import UserError
from schemas.reports import ModelCard, Tokenization

pytestmark = pytest.mark.slow

LABELS = ["negative", "positive"]


@pytest.fixture
def make_model(tmp_path: Path, tiny_vocabulary: list[str], make_backbone: Callable[..., Any]) -> Callable[..., Model]:
    """`make_model(bias)`: a Model artifact, a BERT of width four whose head has these biases."""

    def make(bias: tuple[float, float] = (0.0, 0.5)) -> Model:
        import keras

        vocabulary = tiny_vocabulary
        backbone = make_backbone(vocabulary)
        logits = keras.layers.Dense(2, bias_initializer="ones", name="logits")
        keras_model = keras.Model(backbone.input, logits(backbone.output["pooled_output"]))
        logits.bias.assign(bias)
        model = Model(tmp_path / "model")
        model.path.mkdir()
        keras_model.save(model.keras_file)
        model.vocabulary.write_text("\n".join(vocabulary) + "\n")
        model.write_card(
            ModelCard(
                family="bert",
                labels=LABELS,
                tokenization=Tokenization(max_length=16, lowercase=True),
                parameters=keras_model.count_params(),
                best_epoch=1,
            )
        )
        return model

    return make


def test_exported_model_answers_raw_text_with_the_models_labels(
    make_model: Callable[..., Model], runtime: Runtime, tmp_path: Path
) -> None:
    from models import serving

    exported = ServingModel(tmp_path / "exported")
    metrics = export_model(make_model(bias=(0.0, 9.0)), exported, runtime)
    size = sum(file.stat().st_size for file in exported.files()) / 1e6
    assert metrics == {"size_mb": pytest.approx(size, abs=0.05), "labels": 2}
    labels, scores = serving.predict(serving.load(exported.saved_model), ["the film was good", "Poor!"])
    assert labels == ["positive", "positive"]
    assert scores[:, 1].min() > 0.9
    assert serving.class_names(serving.load(exported.saved_model)) == LABELS


def test_export_refuses_a_copy_that_answers_differently(
    make_model: Callable[..., Model], runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models import serving

    predict = serving.predict
    monkeypatch.setattr(serving, "predict", lambda *args: (predict(*args)[0], predict(*args)[1] + np.float32(2e-3)))
    with pytest.raises(UserError, match=r"differ from the trained model's by 0.00[12]"):
        export_model(make_model(), ServingModel(tmp_path / "exported"), runtime)


def test_export_refuses_a_diverged_model(make_model: Callable[..., Model], runtime: Runtime, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nan.*lower learning rate"):
        export_model(make_model(bias=(0.0, float("nan"))), ServingModel(tmp_path / "exported"), runtime)

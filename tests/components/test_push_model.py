import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.base import Runtime
from components.push_model import push_model
from schemas.artifacts import Evaluation, PushedModel, ServingModel
from schemas.errors import UserError
from schemas.reports import EvaluationReport, Interval, Push

pytestmark = pytest.mark.slow

TEXTS = ["good " * count for count in range(1, 10)] + ["", "bad", "naïve 😀"]


@pytest.fixture
def make_serving_model(tmp_path: Path) -> Callable[..., ServingModel]:
    """`make_serving_model(name, factor)`: P(positive) = sigmoid(factor × words - 3.1)."""

    def make(name: str = "serving_model", factor: float = 1.0) -> ServingModel:
        import tensorflow as tf

        class Words(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
            def classify(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
                words = tf.cast(tf.strings.split(text).row_lengths(), tf.float32)
                positive = tf.sigmoid(factor * words - 3.1)
                scores = tf.stack([1 - positive, positive], axis=1)
                label = tf.gather(["negative", "positive"], tf.argmax(scores, axis=1))
                return {"label": label, "score": tf.reduce_max(scores, axis=1), "scores": scores}

        model = ServingModel(tmp_path / name)
        module = Words()
        tf.saved_model.save(module, str(model.saved_model), signatures={"serving_default": module.classify})
        return model

    return make


@pytest.fixture
def make_evaluation(tmp_path: Path) -> Callable[..., Evaluation]:
    """`make_evaluation(model, name)`: what evaluate_model would write about the texts above."""

    def make(model: ServingModel, name: str = "evaluation") -> Evaluation:
        import tensorflow as tf

        loaded = tf.saved_model.load(str(model.saved_model))
        answers = loaded.signatures["serving_default"](text=tf.constant(TEXTS))
        evaluation = Evaluation(tmp_path / name)
        evaluation.path.mkdir()
        columns = {
            "id": [f"test-{i:04d}" for i in range(len(TEXTS))],
            "text": TEXTS,
            "label": ["positive"] * len(TEXTS),
            "predicted": [label.decode() for label in answers["label"].numpy()],
            "score": pa.array(answers["score"].numpy()),
            "scores": pa.array(answers["scores"].numpy().tolist(), pa.list_(pa.float32())),
        }
        pq.write_table(pa.table(columns), evaluation.predictions)
        evaluation.write_report(
            EvaluationReport(
                split="test",
                rows=len(TEXTS),
                metrics={"accuracy": Interval(value=0.5, low=0.4, high=0.6)},
                classes=[],
                confusion=[],
                labels=["negative", "positive", "unseen"],
                unseen_labels={"unseen": 1},
            )
        )
        return evaluation

    return make


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Spare the seconds that a clean process needs to import TensorFlow; the list receives the texts asked."""
    import components.push_model
    from models import clean_client

    asked: list[str] = []

    def answer(folder: Path, texts: list[str]) -> dict[str, Any]:
        asked.extend(texts)
        return clean_client.answer(str(folder), texts)

    monkeypatch.setattr(components.push_model, "_ask_clean_process", answer)
    return asked


@pytest.fixture
def push(tmp_path: Path, runtime: Runtime) -> Callable[..., Push]:
    """`push(model, evaluation)`: the receipt of a push to the folder `shop`."""

    def run(model: ServingModel, evaluation: Evaluation, **parameters: Any) -> Push:
        receipt = PushedModel(tmp_path / "receipt")
        given = push_model.spec.validate({"destination": str(tmp_path / "shop"), **parameters})
        push_model(model, evaluation, receipt, runtime, **given)
        return receipt.push()

    return run


def published(tmp_path: Path) -> list[str]:
    """All that lies in the shop, but for the lock."""
    return sorted(path.name for path in (tmp_path / "shop").iterdir() if path.name != ".push.lock")


def edit_predictions(evaluation: Evaluation, change: Callable[[dict[str, Any]], None]) -> None:
    """Change one row of the predictions."""
    rows = pq.read_table(evaluation.predictions).to_pylist()
    change(rows[5])
    pq.write_table(pa.Table.from_pylist(rows), evaluation.predictions)


def test_pushed_model_is_the_serving_model_with_a_note(
    make_serving_model: Callable, make_evaluation: Callable, push: Callable, tmp_path: Path
) -> None:
    model = make_serving_model()
    receipt = push(model, make_evaluation(model))
    folder = tmp_path / "shop" / "1"
    assert (receipt.version, receipt.folder, receipt.rows_asked) == (1, str(folder), len(TEXTS))
    assert receipt.largest_difference <= 1e-5
    assert published(tmp_path) == ["1"]
    for file in model.files():
        assert (folder / file.relative_to(model.saved_model)).read_bytes() == file.read_bytes()
    note = json.loads((folder / "assets.extra" / "modelmill.json").read_text())
    assert note == {
        "labels": ["negative", "positive"],
        "split": "test",
        "rows": len(TEXTS),
        "metrics": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}},
        "digest": model.content_digest(),
    }


@pytest.mark.usefixtures("in_this_process")
def test_every_other_model_is_a_new_version_and_the_same_is_none(
    make_serving_model: Callable, make_evaluation: Callable, push: Callable, tmp_path: Path
) -> None:
    one, two = make_serving_model("one", 1.0), make_serving_model("two", 2.0)
    about_one, about_two = make_evaluation(one, "about_one"), make_evaluation(two, "about_two")
    first = push(one, about_one)
    again = push(one, about_one)
    assert again == first
    second = push(two, about_two)
    third = push(one, about_one)
    assert [first.version, second.version, third.version] == [1, 2, 3]
    assert first.digest == third.digest != second.digest
    assert published(tmp_path) == ["1", "2", "3"]


@pytest.mark.usefixtures("in_this_process")
def test_only_numbers_are_versions_and_dead_pushes_are_cleaned(
    make_serving_model: Callable, make_evaluation: Callable, push: Callable, tmp_path: Path
) -> None:
    for name in ("7", "notes", ".0123.partial/assets", "9.old"):
        (tmp_path / "shop" / name).mkdir(parents=True)
    model = make_serving_model()
    assert push(model, make_evaluation(model)).version == 8
    assert published(tmp_path) == ["7", "8", "9.old", "notes"]


@pytest.mark.usefixtures("in_this_process")
def test_parallel_pushes_get_versions_of_their_own(
    make_serving_model: Callable, make_evaluation: Callable, runtime: Runtime, tmp_path: Path
) -> None:
    models = [make_serving_model("one", 1.0), make_serving_model("two", 2.0)]
    evaluations = [make_evaluation(model, f"about_{i}") for i, model in enumerate(models)]

    def run(i: int) -> int:
        receipt = PushedModel(tmp_path / f"receipt_{i}")
        push_model(models[i % 2], evaluations[i % 2], receipt, runtime, destination=str(tmp_path / "shop"), rows=2)
        return receipt.push().version

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(run, range(2))) == [1, 2]
    assert published(tmp_path) == ["1", "2"]


def test_rows_reach_from_the_shortest_to_the_longest_text(
    make_serving_model: Callable, make_evaluation: Callable, push: Callable, in_this_process: list[str]
) -> None:
    model = make_serving_model()
    assert push(model, make_evaluation(model), rows=4).rows_asked == 4
    assert in_this_process == ["", "good " * 2, "good " * 5, "good " * 9]


def _other_label(row: dict[str, Any]) -> None:
    row["predicted"] = "negative" if row["predicted"] == "positive" else "positive"


def _other_score(row: dict[str, Any]) -> None:
    row["scores"] = [score + 2e-5 for score in row["scores"]]


def _other_classes(row: dict[str, Any]) -> None:
    row["scores"] = [*row["scores"], 0.0]


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("change", [_other_label, _other_score, _other_classes])
def test_nothing_is_published_when_answers_differ(
    change: Callable[[dict[str, Any]], None],
    make_serving_model: Callable,
    make_evaluation: Callable,
    push: Callable,
    tmp_path: Path,
) -> None:
    model = make_serving_model()
    evaluation = make_evaluation(model)
    edit_predictions(evaluation, change)
    with pytest.raises(
        UserError, match=r"answers row 'test-0005' with .* Nothing was published\. .*run evaluate_model"
    ):
        push(model, evaluation)
    assert published(tmp_path) == []
    assert not (tmp_path / "receipt").exists()


def test_nothing_is_published_when_a_clean_process_cannot_load(
    make_serving_model: Callable, make_evaluation: Callable, push: Callable, tmp_path: Path
) -> None:
    model = make_serving_model()
    evaluation = make_evaluation(model)
    (model.saved_model / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"cannot use the model, nothing was published. It said: (.|\n)*saved_model"):
        push(model, evaluation)
    assert published(tmp_path) == []


def test_clean_process_knows_nothing_of_ours(make_serving_model: Callable) -> None:
    from components.push_model import FOREIGN, _ask_clean_process

    answers = _ask_clean_process(make_serving_model().saved_model, ["good"])
    assert {"tensorflow", "tensorflow_text"} <= set(answers["modules"])
    assert not FOREIGN.intersection(answers["modules"])


@pytest.mark.usefixtures("in_this_process")
def test_removed_version_makes_the_receipt_stale(
    make_serving_model: Callable, make_evaluation: Callable, push: Callable, tmp_path: Path
) -> None:
    model = make_serving_model()
    receipt = push(model, make_evaluation(model), rows=2)
    assert PushedModel(tmp_path / "receipt").problem() is None
    shutil.rmtree(receipt.folder)
    assert "is gone" in str(PushedModel(tmp_path / "receipt").problem())


def test_hopeless_destinations_are_refused_in_the_first_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(destination: Path | str) -> None:
        push_model.spec.check_world({"destination": str(destination)})

    (tmp_path / "file").write_text("")
    check(tmp_path / "new" / "shop")
    for destination in (tmp_path / "file", tmp_path / "file" / "shop"):
        with pytest.raises(UserError, match=r"cannot be a folder, .*/file is a file. Give a folder"):
            check(destination)
    with pytest.raises(UserError, match="'gs://bucket/shop' is not a folder"):
        check("gs://bucket/shop")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # permissions do not bind root, who runs some tests
    with pytest.raises(UserError, match=r"cannot be written, .* is not yours to write"):
        check(tmp_path / "new" / "shop")
    assert not (tmp_path / "new").exists()

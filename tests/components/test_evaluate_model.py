from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from components.base import Runtime
from components.evaluate_model import evaluate_model
from schemas.artifacts import Evaluation, Examples, ServingModel, Verdict
from schemas.errors import UserError

pytestmark = pytest.mark.slow

TEST = [("good film", "positive"), ("bad film", "negative"), ("good good", "negative"), ("<b>odd</b>", "mixed")]


@pytest.fixture
def serving_model(tmp_path: Path) -> ServingModel:
    """Counts 'good' against everything else: P(positive) = sigmoid(2 × good - words / 2 - 0.1)."""
    import tensorflow as tf

    class Keywords(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def classify(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
            words = tf.strings.split(text)
            good = tf.reduce_sum(tf.cast(words == "good", tf.float32), axis=1)
            positive = tf.sigmoid(2 * good - tf.cast(words.row_lengths(), tf.float32) / 2 - 0.1)
            scores = tf.stack([1 - positive, positive], axis=1)
            label = tf.gather(["negative", "positive"], tf.argmax(scores, axis=1))
            return {"label": label, "score": tf.reduce_max(scores, axis=1), "scores": scores}

        @tf.function(input_signature=[])
        def labels(self) -> tf.Tensor:
            return tf.constant(["negative", "positive"])

    model = ServingModel(tmp_path / "serving_model")
    module = Keywords()
    tf.saved_model.save(module, str(model.saved_model), signatures={"serving_default": module.classify})
    return model


@pytest.fixture
def evaluate(
    serving_model: ServingModel, runtime: Runtime, tmp_path: Path
) -> Callable[..., tuple[Evaluation, Verdict]]:
    """`evaluate(examples, name, **parameters)`, with few resamples."""

    def run(examples: Examples, name: str = "out", **parameters: Any) -> tuple[Evaluation, Verdict]:
        outputs = Evaluation(tmp_path / name / "evaluation"), Verdict(tmp_path / name / "verdict")
        given = evaluate_model.spec.validate({"resamples": 100, **parameters})
        evaluate_model(serving_model, examples, *outputs, runtime, **given)
        return outputs

    return run


def test_report_counts_unknown_labels_as_wrong(write_examples: Callable[..., Examples], evaluate: Callable) -> None:
    evaluation, verdict = evaluate(write_examples(test=TEST), thresholds={"accuracy": 0.5, "recall_macro": 0.9})
    report = evaluation.report()
    assert (report.split, report.rows) == ("test", 4)
    assert report.labels == ["negative", "positive", "mixed"]
    assert report.unseen_labels == {"mixed": 1}
    assert report.confusion == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert report.metrics["accuracy"].value == 0.5
    assert [(rule.name, rule.bound, rule.passed) for rule in verdict.report().rules] == [
        ("accuracy", 0.5, True),
        ("recall_macro", 0.9, False),
    ]
    assert verdict.report().rules[1].value == pytest.approx(0.5)
    assert not verdict.report().passed


def test_predictions_are_the_served_answers_in_the_order_of_the_examples(
    write_examples: Callable[..., Examples], evaluate: Callable, serving_model: ServingModel
) -> None:
    from models import serving

    examples = write_examples(test=TEST)
    evaluation, _ = evaluate(examples, thresholds={"accuracy": 0.0}, batch_size=3)
    table = pq.read_table(evaluation.predictions).to_pydict()
    assert list(table) == ["id", "text", "label", "predicted", "score", "scores"]
    # Two shards, even rows before odd ones.
    assert table["id"] == ["test-0000", "test-0002", "test-0001", "test-0003"]
    assert table["label"] == ["positive", "negative", "negative", "mixed"]
    assert table["predicted"] == ["positive", "positive", "negative", "negative"]
    _, scores = serving.predict(serving.load(serving_model.saved_model), table["text"])
    assert table["scores"] == scores.tolist()
    assert table["score"] == scores.max(axis=1).tolist()


def test_page_shows_the_surest_mistake_escaped(write_examples: Callable[..., Examples], evaluate: Callable) -> None:
    evaluation, _ = evaluate(write_examples(test=TEST), thresholds={"accuracy": 0.9})
    page = evaluation.page.read_text()
    assert "50.00%" in page
    assert "&lt;b&gt;odd&lt;/b&gt;" in page
    assert "<b>" not in page
    mistakes = page.partition("Surest mistakes")[2]
    assert mistakes.index("good good") < mistakes.index("odd")


def test_same_inputs_give_the_same_bytes(write_examples: Callable[..., Examples], evaluate: Callable) -> None:
    examples = write_examples(test=TEST * 20)
    first = evaluate(examples, "first", thresholds={"accuracy": 0.9})
    again = evaluate(examples, "again", thresholds={"accuracy": 0.9})
    for one, other in zip(first, again, strict=True):
        assert one.content_digest() == other.content_digest()


def test_eval_split_can_be_scored_too(write_examples: Callable[..., Examples], evaluate: Callable) -> None:
    examples = write_examples(eval=TEST[:2], test=TEST)
    evaluation, verdict = evaluate(examples, split="eval", thresholds={"accuracy": 1.0, "roc_auc_ovr": 1.0})
    assert (evaluation.report().split, evaluation.report().rows) == ("eval", 2)
    assert verdict.report().passed


def test_undefined_metric_is_left_out_and_cannot_be_a_threshold(
    write_examples: Callable[..., Examples], evaluate: Callable
) -> None:
    examples = write_examples(test=TEST[1:3])
    evaluation, _ = evaluate(examples, thresholds={"accuracy": 0.1})
    assert "roc_auc_ovr" not in evaluation.report().metrics
    assert "roc_auc_ovr is not defined here: no row has the label &#x27;positive&#x27;" in evaluation.page.read_text()
    with pytest.raises(
        UserError, match=r"roc_auc_ovr is not defined on the test split: no row .* Remove this threshold"
    ):
        evaluate(examples, thresholds={"roc_auc_ovr": 0.1})


def test_empty_split_is_refused(write_examples: Callable[..., Examples], evaluate: Callable) -> None:
    with pytest.raises(UserError, match="the test split has no rows, expected at least one"):
        evaluate(write_examples(eval=TEST), thresholds={"accuracy": 0.1})


def test_unknown_metric_is_refused_in_the_first_second() -> None:
    with pytest.raises(UserError, match=r"'accurracy' is no metric\. Did you mean 'accuracy'\? There are: accuracy, "):
        evaluate_model.spec.check_world({"thresholds": {"accurracy": 0.9}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "evaluate_model needs 'thresholds'"),
        ({"thresholds": {}}, "thresholds.*at least 1 item"),
        ({"thresholds": {"accuracy": 95}}, "thresholds.accuracy.*less than or equal to 1. Received 95"),
        ({"thresholds": {"accuracy": 0.9}, "split": "train"}, "split.*'eval' or 'test'"),
    ],
)
def test_parameters_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        evaluate_model.spec.validate(given)

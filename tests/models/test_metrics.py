import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from models import metrics, roc
from models.metric_names import METRICS
from schemas.reports import EvaluationReport

LABELS = ["a", "b", "c"]
AVERAGES = [(name, average) for name in ("precision", "recall", "f1") for average in ("macro", "weighted")]


def answers(rows: int, seed: int, skill: float = 0.7) -> tuple[list[str], list[str], np.ndarray]:
    """Truth, prediction and scores of a simulated classifier; half of the scores are rounded, so that some tie."""
    rng = np.random.default_rng(seed)
    truth = np.array([0, 1, 2, *rng.choice(3, p=[0.6, 0.3, 0.1], size=rows - 3)])
    scores = rng.dirichlet(np.ones(3), size=rows) + skill * rng.random((rows, 1)) * np.eye(3)[truth]
    scores[::2] = scores[::2].round(1)
    return [LABELS[i] for i in truth], [LABELS[i] for i in scores.argmax(axis=1)], scores


def from_scikit_learn(truth: list[str], predicted: list[str]) -> dict[str, float]:
    values = {"accuracy": reference.accuracy_score(truth, predicted)}
    values["f1_micro"] = reference.f1_score(truth, predicted, average="micro")
    for name, average in AVERAGES:
        function = getattr(reference, f"{name}_score")
        values[f"{name}_{average}"] = function(truth, predicted, average=average, zero_division=0)
    for name in ("recall", "f1"):
        function = getattr(reference, f"{name}_score")
        present = sorted(set(truth))
        each = function(truth, predicted, labels=present, average=None, zero_division=0)
        values[f"{name}_worst_class"] = min(each)
    return values


def values(report: EvaluationReport) -> dict[str, float]:
    return {name: interval.value for name, interval in report.metrics.items()}


def test_every_metric_equals_scikit_learn() -> None:
    truth, predicted, scores = answers(300, seed=1)
    report = metrics.evaluate(truth, predicted, scores, LABELS, split="test", resamples=100)
    expected = from_scikit_learn(truth, predicted)
    one_vs_rest = [reference.roc_auc_score(np.equal(truth, label), scores[:, i]) for i, label in enumerate(LABELS)]
    expected["roc_auc_ovr"] = np.mean(one_vs_rest)
    assert values(report) == pytest.approx(expected)
    assert set(report.metrics) == set(METRICS)
    assert report.confusion == reference.confusion_matrix(truth, predicted, labels=LABELS).tolist()
    assert 0.4 < report.metrics["accuracy"].value < 0.9


def test_roc_auc_equals_scikit_learns_on_probabilities() -> None:
    truth, predicted, scores = answers(200, seed=2)
    scores = scores / scores.sum(axis=1, keepdims=True)
    report = metrics.evaluate(truth, predicted, scores, LABELS, split="test", resamples=100)
    expected = reference.roc_auc_score(truth, scores, multi_class="ovr", labels=LABELS)
    assert report.metrics["roc_auc_ovr"].value == pytest.approx(expected)


def test_weighted_roc_auc_is_the_one_of_repeated_rows() -> None:
    truth, _, scores = answers(60, seed=3)
    index = np.array([LABELS.index(label) for label in truth])
    times = np.random.default_rng(0).integers(1, 4, size=60)
    weighted = roc.auc_ovr(index, scores, times[:, np.newaxis].astype(float))
    repeated = roc.auc_ovr(np.repeat(index, times), np.repeat(scores, times, axis=0), np.ones((times.sum(), 1)))
    assert weighted == pytest.approx(repeated)


def test_classes_equal_scikit_learns_report() -> None:
    truth, predicted, scores = answers(300, seed=4)
    report = metrics.evaluate(truth, predicted, scores, LABELS, split="test", resamples=100)
    expected = reference.classification_report(truth, predicted, output_dict=True)
    for one in report.classes:
        assert one.precision == pytest.approx(expected[one.label]["precision"])
        assert one.recall == pytest.approx(expected[one.label]["recall"])
        assert one.f1 == pytest.approx(expected[one.label]["f1-score"])
        assert one.support == expected[one.label]["support"]


def test_unseen_labels_stay_in_and_count_as_wrong() -> None:
    truth = ["a", "a", "b", "zebra", "b", "yak", "zebra", "c"]
    predicted = ["a", "a", "b", "a", "b", "c", "b", "c"]
    scores = np.eye(3)[[LABELS.index(label) for label in predicted]]
    report = metrics.evaluate(truth, predicted, scores, LABELS, split="test", resamples=100)
    assert report.rows == 8
    assert report.labels == ["a", "b", "c", "yak", "zebra"]
    assert report.unseen_labels == {"yak": 1, "zebra": 2}
    assert report.confusion[3] == [0, 0, 1, 0, 0]
    assert report.confusion[4] == [1, 1, 0, 0, 0]
    assert report.metrics["accuracy"].value == 5 / 8
    assert report.metrics["recall_worst_class"].value == 0
    known = {name: value for name, value in values(report).items() if name != "roc_auc_ovr"}
    assert known == pytest.approx(from_scikit_learn(truth, predicted))
    rest = [reference.roc_auc_score(np.equal(truth, label), scores[:, i]) for i, label in enumerate(LABELS)]
    assert report.metrics["roc_auc_ovr"].value == pytest.approx(np.mean(rest))


def test_roc_auc_is_left_out_with_a_reason() -> None:
    report = metrics.evaluate(["a", "b"], ["a", "a"], np.full((2, 3), 1 / 3), LABELS, split="test", resamples=100)
    assert "roc_auc_ovr" not in report.metrics
    assert metrics.undefined(["a", "b"], LABELS) == {"roc_auc_ovr": "no row has the label 'c'"}


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        metrics.evaluate([], [], np.zeros((0, 3)), LABELS, split="test")


def test_intervals_depend_on_the_seed_alone() -> None:
    truth, predicted, scores = answers(80, seed=5)
    first, again, other = (
        metrics.evaluate(truth, predicted, scores, LABELS, split="test", resamples=200, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert values(first) == values(other)
    assert first.metrics != other.metrics


def test_resampling_counts_is_resampling_rows() -> None:
    """The counts drawn from the matrix have the mean and the spread of those of rows drawn one by one."""
    truth, predicted, _ = answers(150, seed=6)
    index = np.array([[LABELS.index(label) for label in side] for side in (truth, predicted)])
    confusion = reference.confusion_matrix(truth, predicted, labels=LABELS)
    drawn = metrics.from_counts(metrics.resample(confusion, 4000, seed=0), {"recall": 2, "f1": 2})
    rng = np.random.default_rng(0)
    rows = [index[:, rng.integers(150, size=150)] for _ in range(600)]
    by_rows = [reference.f1_score(*sides, average="macro", zero_division=0) for sides in rows]
    assert np.mean(drawn["f1_macro"]) == pytest.approx(np.mean(by_rows), abs=0.005)
    assert np.std(drawn["f1_macro"]) == pytest.approx(np.std(by_rows), rel=0.1)


def test_intervals_cover_the_truth_95_times_in_100() -> None:
    """Simulated classifiers of known accuracy, recall and ROC-AUC: 400 test sets of 250 rows."""
    rng = np.random.default_rng(11)
    names = ["a", "b"]
    hits = {"accuracy": 0, "recall_macro": 0, "roc_auc_ovr": 0}
    # A score of N(shift, 1) for 'b' and N(0, 1) for 'a', cut at shift / 2.
    shift, trials = 1.5, 400
    right, area = 0.77337265, 0.85557781  # Phi(shift / 2), Phi(shift / sqrt 2)
    for trial in range(trials):
        truth = rng.integers(2, size=250)
        score = rng.normal(size=250) + shift * truth
        report = metrics.evaluate(
            [names[i] for i in truth],
            [names[i] for i in (score > shift / 2).astype(int)],
            np.stack([-score, score], axis=1),
            names,
            split="test",
            resamples=400,
            seed=trial,
        )
        for name, true_value in (("accuracy", right), ("recall_macro", right), ("roc_auc_ovr", area)):
            hits[name] += report.metrics[name].low <= true_value <= report.metrics[name].high
    for name, count in hits.items():
        assert 0.92 <= count / trials <= 0.98, name


def test_the_worst_class_lies_in_its_interval() -> None:
    """Many small classes: the lowest recall of a resample is nearly always below the lowest recall measured."""
    rng = np.random.default_rng(3)
    names = [f"{i:02d}" for i in range(40)]
    truth = [names[i] for i in rng.integers(40, size=1200)]
    predicted = [label if rng.random() < 0.8 else names[rng.integers(40)] for label in truth]
    report = metrics.evaluate(truth, predicted, np.zeros((1200, 40)), names, split="test")
    for name in ("recall_worst_class", "f1_worst_class"):
        interval = report.metrics[name]
        assert interval.low < interval.value < interval.high


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdx"), st.sampled_from("abcd")), min_size=1, max_size=40),
    st.integers(0, 3),
)
def test_any_answers_give_a_sound_report(pairs: list[tuple[str, str]], seed: int) -> None:
    truth, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    scores = np.random.default_rng(seed).dirichlet(np.ones(4), size=len(pairs))
    report = metrics.evaluate(truth, predicted, scores, list("abcd"), split="eval", resamples=50, seed=seed)
    known = {name: value for name, value in values(report).items() if name != "roc_auc_ovr"}
    assert known == pytest.approx(from_scikit_learn(truth, predicted))
    assert sum(map(sum, report.confusion)) == report.rows == len(pairs)
    assert sum(one.support for one in report.classes) == len(pairs)
    for name, interval in report.metrics.items():
        assert 0 <= interval.low <= interval.high <= 1 + 1e-9, name
    assert EvaluationReport.model_validate_json(json.dumps(report.model_dump())) == report

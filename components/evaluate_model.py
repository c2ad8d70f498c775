"""Serving model and raw text in, judgement out."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from components.base import Input, Metrics, Output, Runtime, component
from models.metric_names import METRICS
from schemas.artifacts import Evaluation, Examples, ServingModel, Verdict
from schemas.errors import UserError, did_you_mean
from schemas.reports import EvaluationReport, Rule, VerdictReport

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Share = Annotated[float, Field(ge=0, le=1)]


def check(thresholds: dict[str, float]) -> None:
    """Refuse a threshold on a metric that is not measured."""
    for name in thresholds:
        if name not in METRICS:
            raise UserError(
                f"evaluate_model.thresholds: '{name}' is no metric.{did_you_mean(name, list(METRICS))} "
                f"There are: {', '.join(METRICS)}."
            )


@component(check=check)
def evaluate_model(
    serving_model: Input[ServingModel],
    examples: Input[Examples],
    evaluation: Output[Evaluation],
    verdict: Output[Verdict],
    runtime: Runtime,
    *,
    thresholds: Annotated[
        dict[str, Share], Field(min_length=1, description="least value of each metric, as {accuracy: 0.95}")
    ],
    split: Annotated[Literal["eval", "test"], Field(description="the rows to score")] = "test",
    resamples: Annotated[int, Field(ge=100, description="bootstrap draws for the intervals")] = 2000,
    seed: Annotated[int, Field(ge=0, description="of the bootstrap")] = 0,
    batch_size: Annotated[int, Field(ge=1, description="texts per call")] = 64,
) -> Metrics:
    """Score the exported model itself on held-out raw text and hold the result against thresholds."""
    from models import evaluation_page, metrics, serving

    table = _rows(examples, split)
    texts, truth = table["text"].to_pylist(), table["label"].to_pylist()
    model = serving.load(serving_model.saved_model)
    labels = serving.class_names(model)
    undefined = metrics.undefined(truth, labels)
    _check_defined(thresholds, undefined, split)

    predicted, scores = serving.predict(
        model, texts, batch_size, lambda done: runtime.report(done, f"scoring {len(texts)} rows")
    )
    report = metrics.evaluate(truth, predicted, scores, labels, split=split, resamples=resamples, seed=seed)
    rules = _rules(report, thresholds)

    evaluation.path.mkdir(parents=True, exist_ok=True)
    evaluation.write_report(report)
    _write_predictions(evaluation, table, predicted, scores)
    mistakes = evaluation_page.confident_mistakes(texts, truth, predicted, scores)
    page = evaluation_page.render(report, rules, mistakes, undefined)
    evaluation.page.write_text(page, encoding="utf-8")
    verdict.path.mkdir(parents=True, exist_ok=True)
    verdict.write_report(VerdictReport(rules=rules))
    shown = ("accuracy", "f1_macro", "recall_worst_class")
    return {
        "rows": report.rows,
        **{name: round(report.metrics[name].value, 4) for name in shown},
        "verdict": "passed" if VerdictReport(rules=rules).passed else "BROKEN",
    }


def _rows(examples: Examples, split: str) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = ["id", "text", "text_raw", "label"]
    tables = [pq.read_table(shard, columns=names) for shard in examples.shards(split)]
    table = pa.concat_tables(tables) if tables else None
    if table is None or not table.num_rows:
        raise UserError(
            f"evaluate_model: the {split} split has no rows, expected at least one. "
            "Give evaluate_model another split or ingest_examples a larger share for this one."
        )
    # What is served gets texts as they come, so it is judged on them.
    return table.set_column(1, "text", pc.coalesce(table["text_raw"], table["text"]))


def _check_defined(thresholds: dict[str, float], undefined: dict[str, str], split: str) -> None:
    for name, reason in undefined.items():
        if name in thresholds:
            raise UserError(
                f"evaluate_model.thresholds: {name} is not defined on the {split} split: {reason}. "
                "Remove this threshold or give the split rows of every label."
            )


def _rules(report: EvaluationReport, thresholds: dict[str, float]) -> list[Rule]:
    values = {name: report.metrics[name].value for name in thresholds}
    return [
        Rule(name=name, value=values[name], bound=bound, passed=values[name] >= bound)
        for name, bound in thresholds.items()
    ]


def _write_predictions(evaluation: Evaluation, table: "pa.Table", predicted: list[str], scores: "np.ndarray") -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, classes = scores.shape
    offsets = pa.array(range(0, rows * classes + 1, classes), pa.int32())
    columns = {
        **{name: table[name] for name in ("id", "text", "label")},
        "predicted": pa.array(predicted, pa.string()),
        "score": pa.array(scores.max(axis=1), pa.float32()),
        "scores": pa.ListArray.from_arrays(offsets, pa.array(scores.ravel(), pa.float32())),
    }
    pq.write_table(pa.table(columns), evaluation.predictions)

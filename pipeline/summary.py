"""What a run has learnt, on one screen: how good, how large, where it is, how to try it."""

import shlex
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.files import size_of
from pipeline.graph import Pipeline
from pipeline.runs import RunRecord
from pipeline.store import Store
from schemas.artifacts import Anomalies, Artifact, Evaluation, Examples, PushedModel, Statistics, Verdict
from schemas.reports import EvaluationReport, ExamplesSummary

MOST_CLASSES = 20
MOST_ANOMALIES = 5


def print_summary(pipeline: Pipeline, record: RunRecord, store: Store, console: Console) -> None:
    """Print what the run's evaluations, verdicts and pushes say; prints nothing where there are none."""
    for artifact in _artifacts(pipeline, record, store):
        if isinstance(artifact, Examples):
            _print_examples(artifact.summary(), console)
        elif isinstance(artifact, Statistics):
            _line(console, "Statistics", str(_short(artifact.page)))
        elif isinstance(artifact, Anomalies):
            _print_anomalies(artifact, console)
        elif isinstance(artifact, Evaluation):
            _print_evaluation(artifact.report(), console)
            _line(console, "Report", str(_short(artifact.page)))
        elif isinstance(artifact, Verdict):
            for rule in artifact.report().rules:
                _line(console, "Rule", str(rule))
        elif isinstance(artifact, PushedModel):
            push = artifact.push()
            folder = _short(Path(push.folder))
            _line(console, "Published", f"{folder}  (SavedModel, {size_of(folder) / 1e6:.0f} MB)")
            _line(
                console,
                "Checked",
                f"{push.rows_asked} rows in a clean process, scores equal within {push.largest_difference:.0e}",
            )
            _line(
                console,
                "Try it",
                f"{_command()} predict {shlex.quote(str(_short(Path(push.destination))))} 'some text of yours'",
            )


def _artifacts(pipeline: Pipeline, record: RunRecord, store: Store) -> list[Artifact]:
    found = []
    for name, outcome in record.steps.items():
        component, _, key = (outcome.finished or "").partition("/")
        manifest = store.manifest(component, key) if key else None
        if manifest:
            kinds = pipeline.steps[name].function.spec.outputs
            found += [store.artifact(manifest, output, kind) for output, kind in kinds.items()]
    return found


def _print_examples(summary: ExamplesSummary, console: Console) -> None:
    """What became of the records; the augmented ones say only what was added."""
    if summary.augmented:
        added = ", ".join(f"{rows:,} {rule}" for rule, rows in summary.augmented.items())
        _line(console, "Augmented", f"{added} rows of train")
        return
    splits = ", ".join(f"{rows:,} {split}" for split, rows in summary.rows.items())
    rejected = "".join(f", {rows:,} {reason}" for reason, rows in summary.rejected.items())
    _line(console, "Records", f"{summary.rows_read:,} read: {splits}{rejected}")
    if summary.contradictions:
        _line(console, "Beware", f"{summary.contradictions:,} texts carry different labels; see contradictions.parquet")
    for leak in summary.leaks:
        _line(
            console,
            "Leak",
            f"{leak.duplicates:,} texts of {leak.splits[1]} are in {leak.splits[0]}, {leak.near_duplicates:,} more are "
            "near duplicates",
        )


def _print_anomalies(anomalies: Anomalies, console: Console) -> None:
    found = anomalies.report().anomalies
    for anomaly in found[:MOST_ANOMALIES]:
        _line(console, "Anomaly", str(anomaly))
    more = f"{len(found) - MOST_ANOMALIES} more anomalies in " if len(found) > MOST_ANOMALIES else ""
    _line(console, "Validation", f"{more}{_short(anomalies.page)}")


def _print_evaluation(report: EvaluationReport, console: Console) -> None:
    console.print()
    accuracy = report.metrics["accuracy"]
    console.print(
        f"[bold]accuracy {accuracy.value:.4f}[/]  95 % interval {accuracy.low:.4f} to {accuracy.high:.4f}, "
        f"{report.rows:,} {report.split} rows",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("label")
    for name in ("precision", "recall", "F1", "rows"):
        table.add_column(name, justify="right")
    for row in report.classes[:MOST_CLASSES]:
        table.add_row(Text(row.label), f"{row.precision:.3f}", f"{row.recall:.3f}", f"{row.f1:.3f}", f"{row.support:,}")
    console.print(table)
    if len(report.classes) > MOST_CLASSES:
        console.print(f"  and {len(report.classes) - MOST_CLASSES} more labels, see the report", style="dim")
    for label, rows in report.unseen_labels.items():
        _line(
            console,
            "Unseen label",
            f"'{label}' ({rows} rows) is not in the train split, so these rows count as wrong",
        )


def _line(console: Console, name: str, words: str) -> None:
    # A path or command that wraps cannot be copied.
    console.print(f"[dim]{name:<10}[/] ", end="", highlight=False)
    console.print(words, highlight=False, markup=False, soft_wrap=True)


def _command() -> str:
    """How to call this program from here."""
    return "modelmill" if shutil.which("modelmill") else str(_short(Path(sys.executable).with_name("modelmill")))


def _short(path: Path) -> Path:
    """Relative to the current folder where that is shorter to type."""
    return path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path

"""Serving model in, published version out."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from components.base import Destination, Input, Metrics, Output, Runtime, component
from schemas.artifacts import Evaluation, PushedModel, ServingModel
from schemas.errors import UserError
from schemas.reports import Push

if TYPE_CHECKING:
    import pyarrow as pa

TOLERANCE = 1e-5
FOREIGN = {"keras_hub", "keras_nlp", "pipeline", "components", "models", "schemas"}


def check(destination: str) -> None:
    """Refuse a destination that cannot become a folder of versions."""
    if "://" in destination:
        raise UserError(f"push_model.destination: '{destination}' is not a folder. Give the path of a local folder.")
    folder = Path(destination).expanduser().absolute()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir():
        raise UserError(
            f"push_model.destination: '{destination}' cannot be a folder, {nearest} is a file. "
            "Give a folder; it is made if missing."
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(
            f"push_model.destination: '{destination}' cannot be written, {nearest} is not yours to write. "
            "Give another folder or change its permissions."
        )


@component(check=check)
def push_model(
    serving_model: Input[ServingModel],
    evaluation: Input[Evaluation],
    pushed_model: Output[PushedModel],
    runtime: Runtime,
    *,
    destination: Annotated[Destination, Field(min_length=1, description="folder that gets the numbered versions")],
    rows: Annotated[int, Field(ge=2, description="evaluated rows that the copy must answer alike")] = 64,
) -> Metrics:
    """Publish the model as the next version, once a clean process has given the evaluated answers with the copy."""
    from models import publishing

    check(destination)
    folder = Path(destination).expanduser().absolute()
    asked = _spread(evaluation, rows)
    runtime.report(0.1, "copying")
    with publishing.draft(serving_model.saved_model, folder) as copy:
        _write_note(copy, serving_model, evaluation)
        runtime.report(0.2, f"a clean process answers {asked.num_rows} rows")
        difference = _compare(asked, _ask_clean_process(copy, asked["text"].to_pylist()))
        digest = publishing.served_digest(copy)
        version = publishing.publish(copy)

    pushed_model.path.mkdir(parents=True, exist_ok=True)
    pushed_model.write_push(
        Push(
            destination=str(folder),
            version=version,
            folder=str(folder / str(version)),
            digest=digest,
            rows_asked=asked.num_rows,
            largest_difference=difference,
        )
    )
    return {"version": version, "folder": str(folder / str(version)), "rows_asked": asked.num_rows}


def _spread(evaluation: Evaluation, rows: int) -> "pa.Table":
    """The shortest and the longest evaluated text and others evenly between."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(evaluation.predictions)
    order = pc.sort_indices(pc.utf8_length(table["text"])).to_pylist()
    last = len(order) - 1
    steps = max(1, min(rows - 1, last))
    return table.take([order[place] for place in sorted({round(i * last / steps) for i in range(steps + 1)})])


def _write_note(copy: Path, serving_model: ServingModel, evaluation: Evaluation) -> None:
    """What the evaluation said about the model, where TensorFlow lets files lie that are not its own."""
    report = evaluation.report()
    note: dict[str, Any] = {
        "labels": [label for label in report.labels if label not in report.unseen_labels],
        "split": report.split,
        "rows": report.rows,
        "metrics": {name: interval.model_dump() for name, interval in report.metrics.items()},
        "digest": serving_model.content_digest(),
    }
    path = copy / "assets.extra" / "modelmill.json"
    path.parent.mkdir()
    path.write_text(json.dumps(note, indent=2, ensure_ascii=False), encoding="utf-8")


def _ask_clean_process(folder: Path, texts: list[str]) -> dict[str, Any]:
    import subprocess
    import sys

    from models import clean_client

    done = subprocess.run(
        [sys.executable, "-I", "-B", clean_client.__file__],
        input=json.dumps({"folder": str(folder), "texts": texts}),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise UserError(
            "push_model: a process with only tensorflow and tensorflow_text cannot use the model, nothing was "
            f"published. It said: {done.stderr.strip()[-2000:]}"
        )
    answers: dict[str, Any] = json.loads(done.stdout)
    foreign = FOREIGN.intersection(answers["modules"])
    if foreign:
        raise RuntimeError(f"the clean process loaded {', '.join(sorted(foreign))}")
    return answers


def _compare(asked: "pa.Table", answers: dict[str, Any]) -> float:
    """The largest difference between evaluated and given scores.

    Raises:
        UserError: a label differs, or a score by more than the tolerance.
    """
    import numpy as np

    largest = 0.0
    expected = asked.to_pylist()
    for way, words in (("together", "in one batch"), ("alone", "alone")):
        for row, label, scores in zip(expected, answers[way]["label"], answers[way]["scores"], strict=True):
            same_classes = len(scores) == len(row["scores"])
            difference = float(np.abs(np.subtract(scores, row["scores"])).max()) if same_classes else np.inf
            if label != row["predicted"] or not difference <= TOLERANCE:
                raise UserError(
                    f"push_model: asked {words}, the copy answers row '{row['id']}' with '{label}' and "
                    f"scores {difference:g} away from the evaluation, which has '{row['predicted']}'; expected the "
                    f"same label and at most {TOLERANCE:g}. Nothing was published. The evaluation belongs to another "
                    "model or was changed: run evaluate_model on this serving model again."
                )
            largest = max(largest, difference)
    return largest

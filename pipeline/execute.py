"""Run one step in a process of its own: `python -m pipeline.execute REQUEST.json`.

The local runner starts this once per step, a container does the same: layer names, dtype policy, devices and peak
memory belong to a process, so a step that has one of its own cannot be disturbed by its neighbours.
"""

import json
import os
import resource
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from pydantic import BaseModel

from components.base import Runtime, find
from pipeline.store import Store
from schemas import digests
from schemas.artifacts import Artifact
from schemas.errors import UserError
from schemas.manifest import FileRecord, InputRecord, KeyParts, Manifest, OutputRecord

LOG = "log.txt"


class Request(BaseModel):
    """Everything a step needs to run; written by the runner, read by the step's process."""

    parts: KeyParts
    inputs: dict[str, InputRecord]
    input_folders: dict[str, Path]
    work: Path
    """Scratch folder: `step/` is what becomes the finished step, `spill/` is the component's own."""
    finished: Path
    """Where `step/` is renamed to when all is written."""
    beam_options: tuple[str, ...] = ()


Report = Callable[[float | None, str], None]


def run_step(request: Request, report: Report) -> Manifest:
    """Run the component, record what it wrote and move it into place.

    Raises:
        UserError: what the component refuses.
    """
    step = request.work / "step"
    spill = request.work / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    function = find(request.parts.component)
    spec = function.spec
    inputs = {name: kind(request.input_folders[name]) for name, kind in spec.inputs.items()}
    outputs = {name: kind(step / name) for name, kind in spec.outputs.items()}
    started, clock = datetime.now(UTC), time.monotonic()
    runtime = Runtime(scratch=spill, beam_options=request.beam_options, report=report)
    metrics = function(**inputs, **outputs, **_runtime_argument(function, runtime), **request.parts.parameters)
    _refuse_changed_sources(request)
    report(None, "recording what was written")
    manifest = Manifest(
        component=spec.name,
        key=request.parts.key(),
        parts=request.parts,
        inputs=request.inputs,
        outputs={name: _record(output) for name, output in outputs.items()},
        metrics=metrics,
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 3),
        peak_memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    )
    manifest.write(step)
    request.finished.parent.mkdir(parents=True, exist_ok=True)
    step.rename(request.finished)
    shutil.rmtree(request.work, ignore_errors=True)
    return manifest


def _refuse_changed_sources(request: Request) -> None:
    """What was read must be what the key speaks of."""
    spec = find(request.parts.component).spec
    store = Store(request.finished.parents[1])
    for name, mark in spec.outside.items():
        location = request.parts.parameters[name]
        if (
            location is not None
            and store.outside_digest(location, mark, f"{spec.name}.{name}") != request.parts.outside[name]
        ):
            raise UserError(
                f"{spec.name}.{name}: '{location}' changed while the step was reading it, so nobody can say what was "
                "read. Nothing was kept. Run again when the files stay as they are."
            )


def _runtime_argument(function: Any, runtime: Runtime) -> dict[str, Runtime]:
    import inspect

    return {"runtime": runtime} if "runtime" in inspect.signature(function).parameters else {}


def _record(output: Artifact) -> OutputRecord:
    if not output.path.is_dir():
        raise FileNotFoundError(
            f"the component promised {type(output).__name__} in '{output.path.name}' but wrote nothing"
        )
    files = [
        FileRecord(
            path=file.relative_to(output.path).as_posix(),
            size=file.stat().st_size,
            sha256=digests.of_file(file),
        )
        for file in output.files()
    ]
    return OutputRecord(kind=type(output).__name__, digest=output.content_digest(), files=files)


def main(arguments: list[str]) -> int:
    """Run the step that the request file describes.

    Args:
        arguments: the request file; then, from the local runner, a descriptor to report to (JSON lines) and one
            that is closed when the runner dies.

    Returns:
        0 when the step is finished, 1 when it failed; the last report then says why.
    """
    request = Request.model_validate_json(Path(arguments[0]).read_bytes())
    news = os.fdopen(int(arguments[1]), "w", buffering=1) if len(arguments) > 1 else sys.stdout
    if len(arguments) > 2:
        threading.Thread(target=_die_with_runner, args=(int(arguments[2]),), daemon=True).start()
    try:
        run_step(request, lambda done, text: _send(news, done=done, text=text))
    except UserError as error:
        traceback.print_exc()
        _send(news, error=str(error), mendable=True)
        return 1
    except Exception as error:
        traceback.print_exc()
        _send(news, error=f"{type(error).__name__}: {error}", mendable=False)
        return 1
    return 0


def _send(news: TextIO, **message: Any) -> None:
    news.write(json.dumps(message) + "\n")
    news.flush()


def _die_with_runner(lifeline: int) -> None:
    """Wait until the other end is closed, which the kernel does however the runner ends."""
    os.read(lifeline, 1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The local runner: steps in order, each in its own process, each computed once per store."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.execute import Request
from pipeline.graph import Pipeline, Step
from pipeline.planner import Plan, plan, plan_step, previous_manifests
from pipeline.runs import RunRecord, StepRecord, at_work
from pipeline.step_process import StepFailedError, run_process
from pipeline.store import Store
from schemas.artifacts import Verdict
from schemas.errors import UserError
from schemas.manifest import InputRecord, Manifest


@dataclass(frozen=True)
class StepStatus:
    """One step as a display shows it."""

    name: str
    state: str = "waiting"
    """waiting, locked (another run computes it), running, ran, cached, failed, refused or skipped"""
    seconds: float = 0.0
    done: float | None = None
    text: str = ""
    metrics: dict[str, float | int | str] = field(default_factory=dict)


class Display(Protocol):
    """Shows a run to a person or a machine."""

    def start(self, record: RunRecord, steps: list[str]) -> None:
        """A run begins."""

    def update(self, status: StepStatus) -> None:
        """There is news of a step."""

    def end(self, record: RunRecord) -> None:
        """The run came to its end."""

    def close(self) -> None:
        """Leave the terminal as it was; called however the run ends."""


def check_world(pipeline: Pipeline, store: Store) -> None:
    """Look at everything outside that the steps name, before anything runs.

    Raises:
        UserError: the store cannot be written, or a file, package or column is not there.
    """
    store.prepare()
    given = pipeline.scenario.steps
    named = [(step, name) for step in pipeline.steps.values() for name in step.function.spec.outside]
    # What the scenario itself names comes first, so that an error speaks of what the user wrote.
    for step, name in sorted(named, key=lambda pair: pair[1] not in given.get(pair[0].name, {})):
        spec = step.function.spec
        if step.parameters[name] is not None:
            store.outside_digest(step.parameters[name], spec.outside[name], f"{step.name}.{name}")
    for step in pipeline.steps.values():
        step.function.spec.check_world(step.parameters)


def run(
    pipeline: Pipeline, store: Store, display: Display, *, start: str | None = None, until: str | None = None
) -> RunRecord:
    """Run a checked pipeline, reusing what the store holds.

    Args:
        pipeline: what to run.
        store: where finished steps live.
        display: who is told.
        start: first step to run; everything before it must be in the store.
        until: last step to run.

    Returns:
        The run's record, already written to the store. It says whether the run succeeded.
    """
    if start is not None:
        _require_stored(pipeline, store, start, until)
    steps = pipeline.part(start=None, until=until)
    record = RunRecord.start(pipeline.scenario.name, pipeline.scenario.recipe, until)
    with contextlib.closing(display), at_work(store, record), _recorded(record, store):
        display.start(record, [step.name for step in steps])
        _run_steps(pipeline, steps, store, display, record)
    display.end(record)
    return record


def _require_stored(pipeline: Pipeline, store: Store, start: str, until: str | None) -> None:
    """Refuse to start in the middle when something before it is missing."""
    part = {step.name for step in pipeline.part(start=start, until=until)}
    for before in plan(pipeline, store):
        if before.step.name in part:
            return
        if before.state != "cached":
            raise UserError(
                f"--from {start} needs the results before it, but {before.step.name} would have to run "
                f"({'; '.join(before.reasons)}). Run without --from, or with --from {before.step.name}."
            )


def _run_steps(pipeline: Pipeline, steps: list[Step], store: Store, display: Display, record: RunRecord) -> None:
    before = previous_manifests(pipeline, store)
    known: dict[str, Manifest] = {}
    for step in steps:
        clock = time.monotonic()
        if any(name not in known for name in step.upstream()):
            outcome, manifest = StepRecord(state="skipped"), None
        else:
            planned = plan_step(step, known, store, before)
            outcome, manifest = _settle(planned, known, pipeline, store, display)
        outcome.seconds = round(time.monotonic() - clock, 3)
        record.steps[step.name] = outcome
        record.write(store)
        if manifest:
            known[step.name] = manifest
        display.update(_status(step, outcome, manifest))
    states = {outcome.state for outcome in record.steps.values()}
    states |= {"refused" for manifest in known.values() if _has_broken_verdict(manifest, store)}
    record.status = "failed" if "failed" in states else "refused" if "refused" in states else "succeeded"


def _has_broken_verdict(manifest: Manifest, store: Store) -> bool:
    names = [name for name, output in manifest.outputs.items() if output.kind == Verdict.__name__]
    return any(not store.artifact(manifest, name, Verdict).report().passed for name in names)


def _settle(
    planned: Plan, known: dict[str, Manifest], pipeline: Pipeline, store: Store, display: Display
) -> tuple[StepRecord, Manifest | None]:
    """Bring one step to its end: found, computed, refused or failed."""
    if planned.state == "refused":
        return StepRecord(state="refused", reasons=planned.reasons, error="; ".join(planned.reasons)), None
    if planned.manifest:
        return StepRecord(state="cached", finished=planned.manifest.name), planned.manifest
    try:
        manifest, computed = _compute_once(planned, known, pipeline, store, display)
    except StepFailedError as error:
        log = f"\nIts log: {error.log}" if error.log else ""
        return StepRecord(state="failed", reasons=planned.reasons, error=f"{error}{log}"), None
    state = "ran" if computed else "cached"
    return StepRecord(state=state, finished=manifest.name, reasons=planned.reasons if computed else []), manifest


def _compute_once(
    planned: Plan, known: dict[str, Manifest], pipeline: Pipeline, store: Store, display: Display
) -> tuple[Manifest, bool]:
    """Compute a step under its lock, unless another run finished it meanwhile; says whether it was computed here."""
    assert planned.parts is not None
    step, component, key = planned.step, planned.parts.component, planned.parts.key()
    with _locked(store, component, key, lambda: display.update(StepStatus(step.name, "locked"))) as lock:
        again = plan_step(step, known, store, {})
        if again.manifest:
            return again.manifest, False
        if store.folder(component, key).exists():
            store.discard(component, key)
        display.update(StepStatus(step.name, "running", text="starting"))
        request = _request(planned, known, pipeline, store)
        run_process(request, lock, lambda done, text: display.update(StepStatus(step.name, "running", 0, done, text)))
    manifest = store.manifest(component, key)
    assert manifest is not None
    return manifest, True


@contextlib.contextmanager
def _locked(store: Store, component: str, key: str, on_wait: Callable[[], None]) -> Iterator[int]:
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(store.lock(component, key, timeout=0))
        except TimeoutError:
            on_wait()
            lock = stack.enter_context(store.lock(component, key))
        yield lock


def _request(planned: Plan, known: dict[str, Manifest], pipeline: Pipeline, store: Store) -> Request:
    assert planned.parts is not None
    sources = {name: (known[output.step], output) for name, output in planned.step.inputs.items()}
    component, key = planned.parts.component, planned.parts.key()
    return Request(
        parts=planned.parts,
        inputs={
            name: InputRecord(producer=source.name, output=output.name, digest=source.outputs[output.name].digest)
            for name, (source, output) in sources.items()
        },
        input_folders={
            name: store.artifact(source, output.name, output.kind).path for name, (source, output) in sources.items()
        },
        work=store.work_folder(component, key),
        finished=store.folder(component, key),
        beam_options=pipeline.scenario.beam_options(),
    )


def _status(step: Step, outcome: StepRecord, manifest: Manifest | None) -> StepStatus:
    return StepStatus(
        step.name,
        outcome.state,
        outcome.seconds,
        None,
        outcome.error or "",
        manifest.metrics if manifest else {},
    )


@contextlib.contextmanager
def _recorded(record: RunRecord, store: Store) -> Iterator[None]:
    """Keep the run's record true, whatever ends the run."""
    clock = time.monotonic()
    try:
        yield
    except BaseException:
        record.status = "interrupted"
        raise
    finally:
        record.seconds = round(time.monotonic() - clock, 3)
        record.write(store)

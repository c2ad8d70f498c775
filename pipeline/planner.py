"""Would a step run, and why: the same answer for `plan`, `why` and the runner."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipeline import keys
from pipeline.graph import Pipeline, Step
from pipeline.runs import last_finished
from pipeline.store import Store
from schemas.artifacts import Verdict
from schemas.manifest import KeyParts, Manifest

State = Literal["cached", "run", "follows", "refused"]


@dataclass(frozen=True)
class Plan:
    """What would happen to one step.

    `run` is certain; `follows` means it reads what an earlier step is about to write and runs again unless that comes
    out the same; `refused` means its Verdict did not pass.
    """

    step: Step
    state: State
    reasons: list[str] = field(default_factory=list)
    parts: KeyParts | None = None
    manifest: Manifest | None = None


def plan(pipeline: Pipeline, store: Store) -> list[Plan]:
    """What a run would do, step by step, without doing it."""
    before = previous_manifests(pipeline, store)
    known: dict[str, Manifest] = {}
    plans = []
    for step in pipeline.steps.values():
        plans.append(plan_step(step, known, store, before))
        if plans[-1].manifest:
            known[step.name] = plans[-1].manifest
    return plans


Before = Mapping[str, Manifest | None]
"""The last result of each step in runs of the same scenario; None where it has been removed from the store."""


def plan_step(step: Step, known: Mapping[str, Manifest], store: Store, before: Before) -> Plan:
    """What would happen to one step, given the manifests of the finished steps before it."""
    unfinished = [name for name in step.upstream() if name not in known]
    if unfinished:
        own = [line for line in _compared(step, _parts(step, known, store), before) if not line.startswith("input ")]
        return Plan(step, "run" if own else "follows", [*own, *(f"follows {name}" for name in unfinished)])
    if step.only_if is not None and (broken := _broken_rules(step, known, store)):
        return Plan(step, "refused", broken)
    parts = _parts(step, known, store)
    manifest = store.manifest(parts.component, parts.key())
    if manifest is None:
        return Plan(step, "run", _compared(step, parts, before), parts)
    if problem := _problem(manifest, step, store):
        return Plan(step, "run", [problem], parts)
    return Plan(step, "cached", [], parts, manifest)


def previous_manifests(pipeline: Pipeline, store: Store) -> Before:
    """What earlier runs of the same scenario wrote or used last."""
    names = last_finished(store, pipeline.scenario.name)
    return {step: store.manifest(*name.split("/")) for step, name in names.items()}


def _parts(step: Step, known: Mapping[str, Manifest], store: Store) -> KeyParts:
    inputs = {
        name: known[output.step].outputs[output.name].digest
        for name, output in step.inputs.items()
        if output.step in known
    }
    return keys.key_parts(step, inputs, store.outside_digest, store.read_module)


def _compared(step: Step, parts: KeyParts, before: Before) -> list[str]:
    if step.name not in before:
        return ["never ran in this scenario"]
    last = before[step.name]
    return ["its last result is no longer in the store"] if last is None else keys.differences(parts, last.parts)


def _broken_rules(step: Step, known: Mapping[str, Manifest], store: Store) -> list[str]:
    assert step.only_if is not None
    verdict = store.artifact(known[step.only_if.step], step.only_if.name, Verdict)
    return [str(rule) for rule in verdict.report().rules if not rule.passed]


def _problem(manifest: Manifest, step: Step, store: Store) -> str | None:
    problems = (store.artifact(manifest, name, kind).problem() for name, kind in step.function.spec.outputs.items())
    return next((problem for problem in problems if problem), None)

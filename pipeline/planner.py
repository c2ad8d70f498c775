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
        plans.append(plan_step(step, known, store, before.get(step.name)))
        if plans[-1].manifest:
            known[step.name] = plans[-1].manifest
    return plans


def plan_step(step: Step, known: Mapping[str, Manifest], store: Store, before: Manifest | None) -> Plan:
    """What would happen to one step, given the manifests of the finished steps before it."""
    unfinished = [name for name in step.upstream() if name not in known]
    if unfinished:
        own = [line for line in _compared(_parts(step, known, store), before) if not line.startswith("input ")]
        return Plan(step, "run" if own else "follows", [*own, *(f"follows {name}" for name in unfinished)])
    if step.only_if is not None and (broken := _broken_rules(step, known, store)):
        return Plan(step, "refused", broken)
    parts = _parts(step, known, store)
    manifest = store.manifest(parts.component, parts.key())
    if manifest is None:
        return Plan(step, "run", _compared(parts, before) or ["its result is no longer in the store"], parts)
    if problem := _problem(manifest, step, store):
        return Plan(step, "run", [problem], parts)
    return Plan(step, "cached", [], parts, manifest)


def previous_manifests(pipeline: Pipeline, store: Store) -> dict[str, Manifest]:
    """The manifests that earlier runs of the same scenario wrote or used last, by step."""
    names = last_finished(store, pipeline.scenario.name)
    found = {step: store.manifest(*name.split("/")) for step, name in names.items()}
    return {step: manifest for step, manifest in found.items() if manifest}


def _parts(step: Step, known: Mapping[str, Manifest], store: Store) -> KeyParts:
    inputs = {
        name: known[output.step].outputs[output.name].digest
        for name, output in step.inputs.items()
        if output.step in known
    }
    return keys.key_parts(step, inputs, store.outside_digest, store.read_module)


def _compared(parts: KeyParts, before: Manifest | None) -> list[str]:
    return ["never ran in this store"] if before is None else keys.differences(parts, before.parts)


def _broken_rules(step: Step, known: Mapping[str, Manifest], store: Store) -> list[str]:
    assert step.only_if is not None
    verdict = store.artifact(known[step.only_if.step], step.only_if.name, Verdict)
    return [str(rule) for rule in Verdict(verdict.path).report().rules if not rule.passed]


def _problem(manifest: Manifest, step: Step, store: Store) -> str | None:
    problems = (store.artifact(manifest, name, kind).problem() for name, kind in step.function.spec.outputs.items())
    return next((problem for problem in problems if problem), None)

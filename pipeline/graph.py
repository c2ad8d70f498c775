"""Steps and the wires between them, checked before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from components.base import Component
from pipeline.scenario import Scenario
from schemas.artifacts import Artifact, Verdict
from schemas.errors import UserError, did_you_mean


@dataclass(frozen=True)
class StepOutput:
    """One artifact that a step will write."""

    step: str
    name: str
    kind: type[Artifact]


@dataclass(frozen=True)
class Step:
    """One component in its place: what it reads and with which parameters."""

    name: str
    function: Component
    parameters: dict[str, Any]
    inputs: dict[str, StepOutput]
    only_if: StepOutput | None = None

    @property
    def outputs(self) -> dict[str, StepOutput]:
        """The artifacts it will write, to be wired into later steps."""
        return {name: StepOutput(self.name, name, kind) for name, kind in self.function.spec.outputs.items()}

    def upstream(self) -> list[str]:
        """Names of the steps it waits for."""
        outputs = [*self.inputs.values(), *([self.only_if] if self.only_if else [])]
        return list(dict.fromkeys(output.step for output in outputs))


@dataclass
class Pipeline:
    """Steps in running order. Each finds its parameters in the scenario under its own name."""

    scenario: Scenario
    steps: dict[str, Step] = field(default_factory=dict)

    def add(
        self,
        function: Component,
        *,
        step: str | None = None,
        only_if: StepOutput | None = None,
        defaults: Mapping[str, Any] | None = None,
        same_as: Mapping[str, tuple[str, str]] | None = None,
        **inputs: StepOutput,
    ) -> Step:
        """Append a step.

        Args:
            function: the component.
            step: the step's name; the component's where not given.
            only_if: a Verdict; the step runs only if it passed.
            defaults: parameters that hold unless the scenario says otherwise.
            same_as: parameters that are another step's (`{name: (step, its parameter)}`) unless the scenario says
                otherwise.
            **inputs: an earlier step's output for each input of the component.

        Raises:
            UserError: an input is missing, unknown or of another kind, or the name is taken.
        """
        spec = function.spec
        name = step or spec.name
        if name in self.steps:
            raise UserError(
                f"Pipeline '{self.scenario.name}' already has a step '{name}'. "
                f"Give this one its own name: add({spec.name}, step='{name}_2', ...)."
            )
        for argument in inputs:
            if argument not in spec.inputs:
                hint = did_you_mean(argument, list(spec.inputs))
                raise UserError(f"{spec.name} has no input '{argument}'.{hint} It reads: {', '.join(spec.inputs)}.")
        for argument, kind in spec.inputs.items():
            if argument not in inputs:
                raise UserError(f"{spec.name} needs {kind.__name__} as '{argument}', but nothing is wired to it.")
            given = inputs[argument]
            if not issubclass(given.kind, kind):
                raise UserError(
                    f"{spec.name}({argument}=...) needs {kind.__name__}, "
                    f"but got {given.kind.__name__} ({given.step}.{given.name})."
                )
        if only_if is not None and not issubclass(only_if.kind, Verdict):
            raise UserError(f"{name}: only_if needs a Verdict, but got {only_if.kind.__name__}.")
        wanted = self.scenario.steps
        others = {p: wanted.get(other, {}).get(its) for p, (other, its) in (same_as or {}).items()}
        # What is wrong in the other step is complained about there, under the name that the user wrote.
        borrowed = {p: value if isinstance(value, str) else "" for p, value in others.items()}
        self.steps[name] = Step(
            name, function, {**(defaults or {}), **borrowed, **wanted.get(name, {})}, inputs, only_if
        )
        return self.steps[name]

    def check(self) -> "Pipeline":
        """Check every name and value in the scenario against the components; returns the completed pipeline.

        Raises:
            UserError: a step or parameter is unknown, or a value is out of bounds.
        """
        for name in self.scenario.steps:
            if name not in self.steps:
                raise UserError(
                    f"Recipe '{self.scenario.recipe}' has no step '{name}'.{did_you_mean(name, list(self.steps))} "
                    f"It has: {', '.join(self.steps)}."
                )
        steps, problems = {}, []
        for name, step in self.steps.items():
            try:
                steps[name] = replace(step, parameters=step.function.spec.validate(step.parameters))
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError("\n".join(problems))
        return Pipeline(self.scenario, steps)

    def part(self, *, start: str | None, until: str | None) -> list[Step]:
        """The steps from `start` to `until`, both included, in running order.

        Raises:
            UserError: there is no such step, or `start` comes after `until`.
        """
        names = list(self.steps)
        for name in (start, until):
            if name is not None and name not in names:
                raise UserError(f"There is no step '{name}'.{did_you_mean(name, names)} There are: {', '.join(names)}.")
        first = names.index(start) if start else 0
        last = names.index(until) if until else len(names) - 1
        if first > last:
            raise UserError(f"--from {start} comes after --until {until}; nothing would run.")
        return [self.steps[name] for name in names[first : last + 1]]

"""What could change a step's answer, as data: the parts of its cache key, and what differs between two keys."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.base import Outside
from pipeline.graph import Step
from pipeline.project_code import PYTHON, ModuleReader, libraries, reachable
from schemas.manifest import KeyParts


def key_parts(
    step: Step, inputs: Mapping[str, str], outside_digest: Callable[[str, Outside, str], str], read: ModuleReader
) -> KeyParts:
    """The parts of a step's key.

    Args:
        step: the step, with completed parameters.
        inputs: content digest of each input artifact.
        outside_digest: digest of what a parameter names outside the store:
            `(location, its mark, component.parameter)`.
        read: reads project modules.
    """
    spec = step.function.spec
    modules = reachable(spec.module, read)
    read.remember()
    return KeyParts(
        component=spec.name,
        code={name: module.digest for name, module in sorted(modules.items())},
        parameters=step.parameters,
        inputs=dict(inputs),
        outside={
            name: outside_digest(step.parameters[name], mark, f"{spec.name}.{name}")
            for name, mark in spec.outside.items()
            if step.parameters[name] is not None
        },
        libraries=libraries(modules.values()),
        python=PYTHON,
    )


def differences(now: KeyParts, before: KeyParts) -> list[str]:
    """What changed between two keys, one line each, in words.

    >>> a = KeyParts(component="c", code={}, parameters={"n": 1}, inputs={}, outside={}, libraries={}, python="3.11")
    >>> differences(a.model_copy(update={"parameters": {"n": 2}}), a)
    ['parameter n: 1 → 2']
    """
    lines = [
        *_changes("parameter {}", before.parameters, now.parameters),
        *_changes("code of {}", before.code, now.code, show=False),
        *_changes("input {}", before.inputs, now.inputs, show=False),
        *_changes("contents of {}", before.outside, now.outside, show=False),
        *_changes("library {}", before.libraries, now.libraries),
    ]
    return lines + ([f"Python: {before.python} → {now.python}"] if now.python != before.python else [])


def _changes(label: str, before: Mapping[str, Any], now: Mapping[str, Any], *, show: bool = True) -> Iterator[str]:
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if old != new:
            detail = f"{old} → {new}" if show else "new" if old is None else "gone" if new is None else "changed"
            yield f"{label.format(name)}: {detail}"

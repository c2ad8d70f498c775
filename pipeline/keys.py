"""What could change a step's answer, as data: the parts of its cache key, and what differs between two keys."""

import ast
import functools
import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.base import Outside
from pipeline.graph import Step
from schemas import digests, locations
from schemas.manifest import KeyParts

ROOMS = ("components", "models", "schemas")

# Import names that are not the distribution's name.
DISTRIBUTIONS = {"sklearn": "scikit-learn"}
# What computes behind a library that the code imports.
BEHIND = {
    "keras": {"tensorflow", "numpy"},
    "keras_hub": {"keras", "tensorflow", "numpy"},
    "tensorflow_text": {"tensorflow"},
}
# These carry our own contracts and show in no artifact.
PLUMBING = {"pydantic"}


def key_parts(step: Step, inputs: Mapping[str, str], outside_digest: Callable[[str, Outside, str], str]) -> KeyParts:
    """The parts of a step's key.

    Args:
        step: the step, with completed parameters.
        inputs: content digest of each input artifact.
        outside_digest: digest of what a parameter names outside the store:
            `(location, its mark, component.parameter)`.
    """
    spec = step.function.spec
    trees = reachable(spec.module)
    return KeyParts(
        component=spec.name,
        code={module: code_digest(tree) for module, tree in sorted(trees.items())},
        parameters=step.parameters,
        inputs=dict(inputs),
        outside={
            name: outside_digest(step.parameters[name], mark, f"{spec.name}.{name}")
            for name, mark in spec.outside.items()
        },
        libraries=libraries(trees.values()),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
    )


@functools.cache
def code_digest(tree: ast.Module) -> str:
    """Digest of what code does: comments, blank lines and docstrings do not count.

    >>> same = [code_digest(ast.parse(code)) for code in ("x = 1", "# why", "x = 1  # why")]
    >>> same[0] == same[2], same[0] == same[1]
    (True, False)
    """
    return digests.of_bytes(ast.dump(_without_docstrings(tree)).encode())[:16]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return tree


def reachable(module: str) -> dict[str, ast.Module]:
    """Syntax trees of a project module and of all project modules it imports, also inside function bodies."""
    trees: dict[str, ast.Module] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in trees:
            continue
        trees[name] = _tree(name)
        waiting += [found for found in _imports(trees[name]) if _is_project_module(found)]
    return trees


def libraries(trees: Any) -> dict[str, str]:
    """Version of each installed library that the code imports, and of what computes behind it."""
    imported = {name.partition(".")[0] for tree in trees for name in _imports(tree)}
    outside = {name for name in imported if name not in ROOMS and name not in sys.stdlib_module_names} - PLUMBING
    outside = outside.union(*(BEHIND.get(name, set()) for name in outside))
    versions = {name: _version(DISTRIBUTIONS.get(name, name)) for name in sorted(outside)}
    return {name: version for name, version in versions.items() if version}


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


@functools.cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_source(module).read_bytes())  # type: ignore[union-attr]


def _source(module: str) -> Path | None:
    """The module's file, or None if there is none; packages count with their `__init__.py`."""
    room, _, rest = module.partition(".")
    base = Path(importlib.import_module(room).__path__[0]).joinpath(*rest.split(".") if rest else [])
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def _is_project_module(name: str) -> bool:
    return name.partition(".")[0] in ROOMS and _source(name) is not None


@functools.cache
def _imports(tree: ast.Module) -> tuple[str, ...]:
    """Every dotted name the code imports; for `from a import b` both a and a.b, since b may be a module."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(dict.fromkeys(names))


@functools.cache
def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def outside_digest(location: str, mark: Outside, wanted_by: str, digest_files: Callable[[list[Path]], str]) -> str:
    """What identifies something outside the store: its content, or its name where only a hub knows it.

    Raises:
        UserError: the location should exist on this machine and does not.
    """
    if mark.hub and locations.is_hub_name(location):
        return f"name:{location}"
    return digest_files(locations.find_files(location, wanted_by=wanted_by))

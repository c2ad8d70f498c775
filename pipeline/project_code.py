"""What a component can reach: the project's modules by imports, what matters of each, and the libraries behind them."""

import ast
import functools
import importlib
import importlib.metadata
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pipeline.files import read_memory, write_atomically
from schemas import digests

ROOMS = ("components", "models", "schemas")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

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
MOST_REMEMBERED = 2000


class Module(NamedTuple):
    """What matters of a module's source."""

    digest: str
    """Comments, blank lines and docstrings do not count."""
    imports: list[str]
    """Dotted names; for `from a import b` both a and a.b, since b may be a module."""


def analyse(source: bytes) -> Module:
    """Take a module apart.

    >>> same = [analyse(code).digest for code in (b"x = 1", b"# why", b"x = 1  # why")]
    >>> same[0] == same[2], same[0] == same[1]
    (True, False)
    """
    tree = ast.parse(source)
    imports: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            imports[node.module] = None
            imports.update(dict.fromkeys(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[1:] if _begins_with_text(node.body) else node.body
    return Module(digests.of_bytes(ast.dump(tree).encode())[:16], list(imports))


def _begins_with_text(body: list[ast.stmt]) -> bool:
    first = body[0] if body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


class ModuleReader:
    """Analyses project modules, each version of a source once: 40 modules take 0.4 seconds, remembered ones 0.01.

    Args:
        memory: a JSON file of earlier analyses by digest of the source; None to remember nothing.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        found = read_memory(memory) if memory else {}
        self._known = {version: Module(*analysis) for version, analysis in found.items()}
        self._is_new = False

    def __call__(self, name: str) -> Module | None:
        """A project module, or None if there is none of that name."""
        file = _source(name)
        if file is None:
            return None
        source = file.read_bytes()
        version = f"{_analysis_version()} {digests.of_bytes(source)}"
        if version not in self._known:
            self._known[version] = analyse(source)
            self._is_new = True
        return self._known[version]

    def remember(self) -> None:
        """Write the analyses to the file, if one is new; the oldest go when there are too many."""
        if self._memory and self._is_new and self._memory.parent.is_dir():
            write_atomically(self._memory, json.dumps(dict(list(self._known.items())[-MOST_REMEMBERED:])))
            self._is_new = False


@functools.cache
def _analysis_version() -> str:
    """Another Python parses otherwise, and so may another version of this file."""
    return f"{PYTHON} {digests.of_file(Path(__file__))[:16]}"


def reachable(module: str, read: ModuleReader) -> dict[str, Module]:
    """A project module and all project modules it imports, also inside function bodies, by name."""
    found: dict[str, Module] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found and name.partition(".")[0] in ROOMS and (analysed := read(name)):
            found[name] = analysed
            # Importing a module runs its packages first.
            waiting += [*analysed.imports, name.rpartition(".")[0]]
    return found


def libraries(modules: Iterable[Module]) -> dict[str, str]:
    """Version of each installed library that the modules import, and of what computes behind it."""
    imported = {name.partition(".")[0] for module in modules for name in module.imports}
    outside = {name for name in imported if name not in ROOMS and name not in sys.stdlib_module_names} - PLUMBING
    outside = outside.union(*(BEHIND.get(name, set()) for name in outside))
    versions = {name: _version(DISTRIBUTIONS.get(name, name)) for name in sorted(outside)}
    return {name: version for name, version in versions.items() if version}


def _source(module: str) -> Path | None:
    """The module's file, or None if there is none; packages count with their `__init__.py`."""
    room, _, rest = module.partition(".")
    base = Path(importlib.import_module(room).__path__[0]).joinpath(*rest.split(".") if rest else [])
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


@functools.cache
def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None

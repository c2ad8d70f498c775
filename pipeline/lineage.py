"""Where a result came from, and whether it still is what it was: walks over manifests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.store import Store
from schemas import digests
from schemas.errors import UserError, did_you_mean
from schemas.manifest import Manifest


def find(store: Store, target: str) -> Manifest:
    """The finished step that a person means.

    Args:
        store: where to look.
        target: `component` (its newest result), `component/key`, a key, or the start of a key.

    Raises:
        UserError: nothing matches, or more than one step does.
    """
    manifests = sorted(store.manifests(), key=lambda manifest: manifest.started)
    named = [manifest for manifest in manifests if manifest.component == target]
    if named:
        return named[-1]
    matches = [m for m in manifests if m.name.startswith(target) or m.key.startswith(target)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UserError(
            f"'{target}' means {len(matches)} steps: {', '.join(m.name for m in matches)}. Give more digits."
        )
    known = sorted({manifest.component for manifest in manifests})
    there = f"There are results of: {', '.join(known)}." if known else "The store is empty."
    raise UserError(f"No finished step '{target}' in {store.root}.{did_you_mean(target, known)} {there}")


@dataclass(frozen=True)
class Ancestor:
    """One step in the line that led to a result."""

    depth: int
    role: str
    """The input it fed, empty for the result itself."""
    manifest: Manifest | None
    """None where the step has been removed from the store."""
    name: str
    repeated: bool = False
    """Its own ancestors came earlier."""


def ancestors(store: Store, manifest: Manifest) -> Iterator[Ancestor]:
    """The step itself, then everything it was made from, nearest first; what was made of one step is told once."""
    return _ancestors(store, manifest.name, 0, "", set())


def _ancestors(store: Store, name: str, depth: int, role: str, told: set[str]) -> Iterator[Ancestor]:
    component, _, key = name.partition("/")
    manifest = store.manifest(component, key)
    yield Ancestor(depth, role, manifest, name, repeated=name in told)
    if manifest and name not in told:
        told.add(name)
        for input_name, source in manifest.inputs.items():
            yield from _ancestors(store, source.producer, depth + 1, input_name, told)


def changed_files(store: Store, manifest: Manifest) -> list[str]:
    """What differs between a finished step and its manifest, one line per file; empty when all is as written."""
    lines = []
    for output, record in manifest.outputs.items():
        folder = store.folder(manifest.component, manifest.key) / output
        recorded = {file.path: file.sha256 for file in record.files}
        present = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
        lines += [f"{output}/{name} is missing" for name in sorted(recorded.keys() - present.keys())]
        lines += [f"{output}/{name} was added" for name in sorted(present.keys() - recorded.keys())]
        lines += [
            f"{output}/{name} was changed"
            for name in sorted(recorded.keys() & present.keys())
            if digests.of_file(present[name]) != recorded[name]
        ]
    return lines


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []

"""Throwing away what no recent run needs, and never anything else."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.files import size_of
from pipeline.runs import records
from pipeline.store import Store, remove_dead_scratch
from schemas.errors import UserError


@dataclass(frozen=True)
class Removal:
    """One finished step that may go."""

    name: str
    folder: Path
    size: int


def removable(store: Store, keep_runs: int) -> list[Removal]:
    """Finished steps that none of the last `keep_runs` runs of any scenario wrote or used."""
    kept: set[str] = set()
    seen: dict[str, int] = {}
    for record in records(store):
        seen[record.scenario] = seen.get(record.scenario, 0) + 1
        if seen[record.scenario] <= keep_runs:
            kept |= {step.finished for step in record.steps.values() if step.finished}
    return [
        Removal(manifest.name, folder := store.folder(manifest.component, manifest.key), size_of(folder))
        for manifest in store.manifests()
        if manifest.name not in kept
    ]


def collect(store: Store, removals: list[Removal]) -> list[Removal]:
    """Remove steps and dead scratch folders.

    Raises:
        UserError: a run is at work on this store and may be about to use them.
    """
    for record in records(store):
        if record.status == "running":
            raise UserError(
                f"Run {record.id} (process {record.process}) is at work on this store. Wait for it, then collect."
            )
    removed = []
    for removal in removals:
        component, _, key = removal.name.partition("/")
        with contextlib.suppress(TimeoutError), store.lock(component, key, timeout=0):
            store.discard(component, key)
            removed.append(removal)
    remove_dead_scratch(store)
    return removed

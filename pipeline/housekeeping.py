"""Throwing away what no recent run needs, and never anything else."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.files import size_of
from pipeline.runs import RunRecord, records
from pipeline.store import Store
from schemas.errors import UserError


@dataclass(frozen=True)
class Removal:
    """One finished step that may go."""

    name: str
    folder: Path
    size: int


def removable(store: Store, keep_runs: int) -> list[Removal]:
    """Finished steps that the last `keep_runs` whole runs of any scenario, and all runs since, neither wrote nor used.

    A whole run is one that came to its end: succeeded, or refused by a verdict.
    """
    kept: set[str] = set()
    whole: dict[str, int] = {}
    for record in records(store):
        if whole.get(record.scenario, 0) < keep_runs:
            kept |= {step.finished for step in record.steps.values() if step.finished}
            whole[record.scenario] = whole.get(record.scenario, 0) + _is_whole(record)
    return [
        Removal(manifest.name, folder := store.folder(manifest.component, manifest.key), size_of(folder))
        for manifest in store.manifests()
        if manifest.name not in kept
    ]


def _is_whole(record: RunRecord) -> bool:
    return record.status in ("succeeded", "refused") and record.until is None


def collect(store: Store, removals: list[Removal]) -> list[Removal]:
    """Remove steps and dead scratch folders.

    Raises:
        UserError: a run is at work on this store and may be about to use them.
    """
    with store.lock("store", "gc"):
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
        _remove_dead_scratch(store)
    return removed


def _remove_dead_scratch(store: Store) -> None:
    """Remove what killed or failed steps left; steps at work are left alone."""
    for folder in (path for path in (store.root / "scratch").iterdir() if path.is_dir()):
        component, _, key = folder.name.rpartition("-")
        with contextlib.suppress(TimeoutError), store.lock(component, key, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)

"""What ran when: one JSON record per run, kept in the store."""

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from pipeline.files import write_atomically
from pipeline.store import Store

Status = Literal["running", "succeeded", "failed", "refused", "interrupted"]


class StepRecord(BaseModel):
    """What became of one step in one run."""

    state: str
    finished: str | None = Field(default=None, description="component/key of the step in the store")
    seconds: float = 0.0
    reasons: list[str] = Field(default_factory=list, description="why it ran")
    error: str | None = None


class RunRecord(BaseModel):
    """One run of one scenario."""

    id: str
    scenario: str
    recipe: str
    until: str | None = Field(default=None, description="the last step asked for; None for all")
    status: Status = "running"
    started: str
    seconds: float = 0.0
    process: int
    steps: dict[str, StepRecord] = Field(default_factory=dict)

    @classmethod
    def start(cls, scenario: str, recipe: str, until: str | None = None) -> "RunRecord":
        """A fresh record; ids sort by time."""
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S.%f}-{scenario}"
        started = now.isoformat(timespec="seconds")
        return cls(id=name, scenario=scenario, recipe=recipe, until=until, started=started, process=os.getpid())

    def write(self, store: Store) -> None:
        """Write the record as it stands."""
        write_atomically(_folder(store) / f"{self.id}.json", self.model_dump_json(indent=2))


def records(store: Store) -> list[RunRecord]:
    """All runs, newest first; a run whose process died is shown as interrupted."""
    found = [RunRecord.model_validate_json(path.read_bytes()) for path in sorted(_folder(store).glob("*.json"))]
    return [_settled(record, store) for record in reversed(found)]


def last_finished(store: Store, scenario: str) -> dict[str, str]:
    """component/key of the last result that runs of a scenario wrote or used, by step."""
    found: dict[str, str] = {}
    for record in records(store):
        if record.scenario == scenario:
            for name, step in record.steps.items():
                if step.finished:
                    found.setdefault(name, step.finished)
    return found


def _folder(store: Store) -> Path:
    return store.root / "runs"


@contextlib.contextmanager
def at_work(store: Store, record: RunRecord) -> Iterator[None]:
    """Hold the lock by which others know that this run lives; waits for a collection (`gc`) at work."""
    with contextlib.ExitStack() as stack:
        with store.lock("store", "gc"):
            stack.enter_context(store.lock("run", record.id))
            record.write(store)
        yield


def _settled(record: RunRecord, store: Store) -> RunRecord:
    if record.status == "running" and not _alive(record, store):
        return record.model_copy(update={"status": "interrupted"})
    return record


def _alive(record: RunRecord, store: Store) -> bool:
    try:
        with store.lock("run", record.id, timeout=0):
            return False
    except TimeoutError:
        return True

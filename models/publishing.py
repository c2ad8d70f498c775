"""A folder of numbered versions, as TensorFlow Serving watches it: a version is there completely or not at all.

```
destination/1/, 2/, ...                     published versions; only numbers are versions
destination/.<unique>.partial/              a push at work, or what a killed one left
destination/.push.lock                      held while a push is at work
```
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas import digests

NOT_SERVED = ("fingerprint.pb", "assets.extra")
"""TensorFlow's random number, and our note beside the model."""


@contextmanager
def draft(source: Path, destination: Path) -> Iterator[Path]:
    """Copy a SavedModel to a hidden place in `destination`; it goes away again unless `publish` moves it.

    One push at a time: others wait here. Whatever partial copies lie around then belong to dead pushes.

    Args:
        source: the SavedModel.
        destination: the folder of versions; made if missing.

    Yields:
        The copy's folder.
    """
    from filelock import FileLock

    destination.mkdir(parents=True, exist_ok=True)
    with FileLock(destination / ".push.lock"):
        for left_over in destination.glob(".*.partial"):
            shutil.rmtree(left_over)
        partial = destination / f".{uuid.uuid4().hex}.partial"
        try:
            shutil.copytree(source, partial)
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def publish(partial: Path) -> int:
    """Make a draft the next version, unless the newest version serves the same files already.

    Returns:
        The number of the version that serves these files.
    """
    destination = partial.parent
    newest = max(versions(destination), default=0)
    if newest and served_digest(destination / str(newest)) == served_digest(partial):
        return newest
    partial.rename(destination / str(newest + 1))
    return newest + 1


def versions(destination: Path) -> list[int]:
    """The published versions, oldest first."""
    return sorted(int(path.name) for path in destination.iterdir() if path.name.isdecimal())


def served_digest(folder: Path) -> str:
    """Digest of the files that decide what a SavedModel answers."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return digests.of_files(folder, [f for f in files if f.relative_to(folder).parts[0] not in NOT_SERVED])

"""What makes two things the same: sha256 over bytes, JSON and files."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def of_bytes(content: bytes) -> str:
    """Hex sha256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def of_json(value: Any) -> str:
    """Hex sha256 of a value that JSON can say, whatever the order of its keys.

    >>> of_json({"a": 1, "b": 2}) == of_json({"b": 2, "a": 1})
    True
    """
    return of_bytes(json.dumps(value, sort_keys=True, ensure_ascii=False).encode())


def of_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_files(root: Path, files: Iterable[Path]) -> str:
    """Hex sha256 of files and their names below `root`, in the order of the names."""
    return of_json({path.relative_to(root).as_posix(): of_file(path) for path in sorted(files)})

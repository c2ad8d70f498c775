"""Small things about files."""

import json
import os
import uuid
from pathlib import Path
from typing import Any


def write_atomically(path: Path, text: str) -> None:
    """Write a file that others see whole or not at all."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def size_of(folder: Path) -> int:
    """Bytes below a folder."""
    return sum(os.lstat(file).st_size for file in folder.rglob("*") if file.is_file())


def read_memory(path: Path) -> dict[str, Any]:
    """A JSON object that only saves work: a missing or broken file is an empty one."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""Small things about files."""

import os
import uuid
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write a file that others see whole or not at all."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    partial.write_text(text)
    partial.replace(path)


def size_of(folder: Path) -> int:
    """Bytes below a folder."""
    return sum(os.lstat(file).st_size for file in folder.rglob("*") if file.is_file())

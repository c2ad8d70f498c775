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


def of_parquet(path: Path) -> str:
    """Hex sha256 of a Parquet file's rows and column names; row groups, compression and metadata do not count.

    Memory does not grow with the file.
    """
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)
    columns = {field.name: (str(field.type), _RowHash()) for field in file.schema_arrow}
    for batch in file.iter_batches(use_threads=False):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            columns[name][1].update(column)
    return of_json([(name, kind, hashed.hexdigest()) for name, (kind, hashed) in columns.items()])


class _RowHash:
    """Digest of a column that comes in pieces; where it was cut does not show."""

    def __init__(self) -> None:
        self._parts = [hashlib.sha256(), hashlib.sha256(), hashlib.sha256()]
        self._items: _RowHash | None = None

    def update(self, column: Any) -> None:
        """Add rows: which are null, how long each is, and the values themselves."""
        import pyarrow as pa
        import pyarrow.compute as pc

        nulls, lengths, values = self._parts
        nulls.update(column.is_null().to_numpy(zero_copy_only=False).tobytes())
        if pa.types.is_list(column.type):
            lengths.update(pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).tobytes())
            self._items = self._items or _RowHash()
            self._items.update(column.flatten())
        elif pa.types.is_string(column.type):
            lengths.update(pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False).tobytes())
            values.update(b"".join(column.drop_null().cast(pa.binary()).to_pylist()))
        else:
            values.update(column.drop_null().to_numpy(zero_copy_only=False).tobytes())

    def hexdigest(self) -> str:
        """The digest of all rows so far."""
        parts = [part.hexdigest() for part in self._parts]
        return of_json([*parts, *([self._items.hexdigest()] if self._items else [])])

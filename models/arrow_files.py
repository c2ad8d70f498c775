"""Arrow files that are whole or absent, so that a worker may die and another do its work again."""

from pathlib import Path

import pyarrow as pa


class LateFile:
    """An Arrow file that appears, whole, when the block ends, and only if something was written."""

    def __init__(self, path: Path, schema: pa.Schema, *, always: bool = False) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._schema = schema
        self._writer: pa.RecordBatchFileWriter | None = None
        self._always = always

    def __enter__(self) -> "LateFile":
        if self._always:
            self._writer = pa.ipc.new_file(str(self._partial), self._schema)
        return self

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Append some rows."""
        if len(rows):
            self._writer = self._writer or pa.ipc.new_file(str(self._partial), self._schema)
            self._writer.write(rows)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
            if kind is None:
                self._partial.rename(self._path)


def write_table(path: Path, table: pa.Table) -> None:
    """Write an Arrow file that is whole or absent."""
    with LateFile(path, table.schema, always=True) as file:
        file.write(table)


def read_table(path: Path) -> pa.Table:
    """What `write_table` wrote."""
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all()

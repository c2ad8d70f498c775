"""Arrow files that are whole or absent, so that a worker may die and another do its work again."""

from pathlib import Path

import pyarrow as pa


class LateFile:
    """An Arrow file that appears, whole, when it is closed, and only if something was written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._schema = schema
        self._writer: pa.RecordBatchFileWriter | None = None

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Append some rows."""
        if len(rows):
            self._writer = self._writer or pa.ipc.new_file(str(self._partial), self._schema)
            self._writer.write(rows)

    def close(self) -> None:
        """Let the file appear."""
        if self._writer is not None:
            self._writer.close()
            self._partial.rename(self._path)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table that `read_table` reads; an empty one needs no file."""
    file = LateFile(path, table.schema)
    file.write(table)
    file.close()


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """What `write_table` wrote."""
    if not path.exists():
        return schema.empty_table()
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all()

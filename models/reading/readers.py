"""From pieces of a source to record batches, and a reason for every record that is refused."""

from collections.abc import Iterator

from models.reading import avro_files, delimited, json_lines, label_folders, parquet_files, tfrecords
from models.reading.judging import REJECTS, SPLIT_NAMES, Rows, judge, kept_schema
from models.reading.sources import Piece, Source

__all__ = ["REJECTS", "SPLIT_NAMES", "Rows", "kept_schema", "place", "read"]


def read(piece: Piece, source: Source) -> Iterator[Rows]:
    """All records of a piece, a few thousand at a time.

    Raises:
        UserError: the file cannot be read, unpacked or parsed any further.
    """
    reader = {
        "csv": delimited.read,
        "tsv": delimited.read,
        "jsonl": json_lines.read,
        "parquet": parquet_files.read,
        "avro": avro_files.read,
        "tfrecord": tfrecords.read,
        "folders": label_folders.read,
    }[source.format]
    for block in reader(piece, source):
        yield judge(block, source.roles)


def place(piece: Piece, row: int, rows_before: int, source: Source) -> tuple[str, int]:
    """Where a record stands: the file's name, and the record's number in it, from 1; 0 in a table.

    Args:
        piece: what it was read from.
        row: its number in the piece.
        rows_before: records in earlier pieces of the same file; `piece.rows_before` where that is not None.
        source: where the piece is from.
    """
    if source.format == "folders":
        return source.name(piece.files[row - 1]), 1
    if source.format == "bigquery":  # a table has no order
        return source.root, 0
    return source.name(piece.file), rows_before + row

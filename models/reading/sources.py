"""What a scenario's `source` stands for: which files, in which format, which column is what."""

import codecs
import encodings.aliases
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from models.reading.data_files import DataFile, find_data_files, is_folder
from models.reading.roles import Roles
from schemas.errors import UserError, did_you_mean
from schemas.locations import BIGQUERY

Format = Literal["auto", "csv", "tsv", "jsonl", "parquet", "avro", "tfrecord", "folders", "bigquery"]

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".avro": "avro",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
}
TEXT_FORMATS = ("csv", "tsv", "jsonl", "folders")

# Text is parsed in blocks of about this many bytes; a longer record is refused as `too_large`, in every format.
BLOCK_BYTES = 4 << 20


@dataclass(frozen=True)
class Source:
    """Files of one format, and how to read them.

    Args:
        files: sorted by location; none for a BigQuery table.
        root: the folder that file names in messages and rejects are relative to; in format folders, the folder
            whose sub-folders are the labels; of a BigQuery table, its name.
        format: csv (quoted values may hold line breaks), tsv (no quoting: a quote is an ordinary character),
            jsonl (one object a line), parquet, avro, tfrecord (of tf.train.Example), folders (a folder per label, a
            text file per record) or bigquery.
        encoding: of text files, as Python names it.
        roles: which column is what.
        wanted_by: the component that reads, for messages.
        parameter: its parameter that named the source, for messages.
    """

    files: tuple[DataFile, ...]
    root: str
    format: str
    encoding: str
    roles: Roles
    wanted_by: str = "ingest_examples"
    parameter: str = "source"

    @property
    def where(self) -> str:
        """The parameter that named the source, in full."""
        return f"{self.wanted_by}.{self.parameter}"

    @property
    def size(self) -> int:
        """Bytes of all files, as they lie there."""
        return sum(file.size for file in self.files)

    def name(self, file: DataFile) -> str:
        """How a file is called in messages and rejects."""
        return file.location.removeprefix(self.root).removeprefix("/")

    def label_of(self, file: DataFile) -> str | None:
        """In format folders, the label that the place of a file says."""
        folder, slash, _ = self.name(file).partition("/")
        return folder if slash else None


@dataclass(frozen=True)
class Piece:
    """What one worker reads in one go: whole files, or a part of one.

    Args:
        files: several in format folders, none for a BigQuery table, otherwise one.
        start: where the part begins, in bytes of the file.
        end: where it ends; None for the end of the file.
        columns: their names, where the header is not in this part.
        header: bytes at the beginning of an Avro file that every part needs.
        row_groups: of a Parquet file.
        rows_before: records in earlier pieces of the same file, where that is known without reading.
    """

    files: tuple[DataFile, ...]
    start: int = 0
    end: int | None = None
    columns: tuple[str, ...] = ()
    header: int = 0
    row_groups: tuple[int, ...] = ()
    rows_before: int | None = 0

    @property
    def file(self) -> DataFile:
        """The file of a piece that has one, the first of several."""
        return self.files[0]

    @property
    def file_key(self) -> str:
        """Equal for the pieces of one file, which `pieces` gives in their order; empty for a table."""
        return self.file.location if self.files else ""


def find_source(
    location: str,
    *,
    format: str,
    encoding: str,
    roles: Roles,
    wanted_by: str = "ingest_examples",
    parameter: str = "source",
) -> Source:
    """Find the files of a location and settle their format.

    Args:
        location: path, folder, glob, `package://` name, URL, or `bigquery://project.dataset.table`.
        format: one of `Format`; auto looks at the files' names.
        encoding: of text files.
        roles: which column is what.
        wanted_by: the component, for messages.
        parameter: its parameter that names the location, for messages.

    Raises:
        UserError: nothing is there, the format cannot be told, or Python does not know the encoding.
    """
    check_encoding(encoding, wanted_by=wanted_by)
    if location.startswith(BIGQUERY):
        return Source((), location.removeprefix(BIGQUERY), "bigquery", encoding, roles, wanted_by, parameter)
    if format == "bigquery":
        raise UserError(
            f"{wanted_by}.{parameter}: '{location}' names no BigQuery table. Expected "
            f"{BIGQUERY}project.dataset.table, or another format."
        )
    files, root = find_data_files(location, wanted_by=f"{wanted_by}.{parameter}")
    if format == "auto":
        format = _format_of(files, is_folder=is_folder(location, files), wanted_by=wanted_by)
    return Source(tuple(files), root, format, encoding, roles, wanted_by, parameter)


def pieces(source: Source) -> Iterator[Piece]:
    """Cut a source of files into what workers read independently; the pieces of a file come in its order."""
    # The readers need Arrow, which finding and checking files must do without.
    from models.reading import avro_files, delimited, json_lines, label_folders, parquet_files

    if source.format == "folders":
        yield from label_folders.pieces(source.files)
        return
    cut = {
        "csv": delimited.pieces,
        "tsv": delimited.pieces,
        "jsonl": json_lines.pieces,
        "parquet": parquet_files.pieces,
        "avro": avro_files.pieces,
        "tfrecord": lambda file, _: [Piece((file,))],
    }[source.format]
    for file in source.files:
        yield from cut(file, source)


def check_encoding(encoding: str, *, wanted_by: str) -> None:
    """Refuse what Python cannot decode text with; raises UserError."""
    try:
        "".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except LookupError:
        known = sorted({*encodings.aliases.aliases, *encodings.aliases.aliases.values()})
        raise UserError(
            f"{wanted_by}.encoding: Python knows no text encoding '{encoding}'.{did_you_mean(encoding, known)} "
            "Common ones: utf-8, utf-16, latin-1, cp1252, mac-roman, shift_jis, gb18030."
        ) from None


def _format_of(files: Iterable[DataFile], *, is_folder: bool, wanted_by: str) -> str:
    found: dict[str | None, DataFile] = {}
    for file in files:
        found.setdefault(SUFFIXES.get(file.suffix), file)
    if len(found) == 1 and None not in found:
        return str(next(iter(found)))
    if is_folder and set(found) == {None}:
        return "folders"
    examples = ", ".join(f"'{file.name}'" for file in found.values())
    raise UserError(
        f"{wanted_by}.format: cannot tell the format from {examples}. Expected all files to end in one of "
        f"{', '.join(SUFFIXES)} (and .gz or .zst), or a folder with one sub-folder of text files per label. "
        f"Set format: to {', '.join(sorted(set(SUFFIXES.values())))} or folders, or name only the data files, as in "
        "'data/*.csv'."
    )

"""What a scenario's `source` stands for: which files, in which format, under which names."""

import codecs
import encodings.aliases
import glob
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from schemas.errors import UserError, did_you_mean
from schemas.locations import PACKAGE, common_folder, find_files, resolve

Format = Literal["auto", "csv", "tsv", "jsonl", "parquet", "folders"]

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
FILES_PER_PIECE = 200

# A value inside quotes must fit into one block, so this also bounds a record.
BLOCK_BYTES = 4 << 20
RECORD_ADVICE = (
    f"Expected records below {BLOCK_BYTES >> 20} MB; a quote that is never closed makes one record of "
    "all the rest. Repair the file, or set format: if it is something else."
)


@dataclass(frozen=True)
class Source:
    """Files of one format, and how to read them.

    Args:
        files: sorted.
        root: the folder that file names in messages and rejects are relative to; in format folders, the folder
            whose sub-folders are the labels.
        format: csv (quoted values may hold line breaks), tsv (no quoting: a quote is an ordinary character),
            jsonl (one object a line), parquet, or folders (a folder per label, a text file per record).
        encoding: of text files, as Python names it.
        text: name of the column with the text.
        label: name of the column with the label.
    """

    files: tuple[Path, ...]
    root: Path
    format: str
    encoding: str
    text: str
    label: str

    def name(self, file: Path) -> str:
        """How a file is called in messages and rejects."""
        return file.absolute().relative_to(self.root.absolute()).as_posix()

    def label_of(self, file: Path) -> str | None:
        """In format folders, the label that the place of a file says."""
        parts = file.absolute().relative_to(self.root.absolute()).parts
        return parts[0] if len(parts) > 1 else None


@dataclass(frozen=True)
class Piece:
    """What one worker reads in one go: whole files, or one row group of a Parquet file."""

    files: tuple[Path, ...]
    row_group: int = 0


def find_source(
    location: str, *, format: str, encoding: str, text: str, label: str, wanted_by: str = "ingest_examples"
) -> Source:
    """Find the files of a location and settle their format.

    Raises:
        UserError: nothing is there, the format cannot be told, or Python does not know the encoding.
    """
    check_encoding(encoding, wanted_by=wanted_by)
    files = tuple(find_files(location, wanted_by=f"{wanted_by}.source"))
    if format == "auto":
        format = _format_of(files, is_folder=_is_folder(location), wanted_by=wanted_by)
    root = common_folder(list(files))
    if _is_folder(location):
        root = resolve(location, wanted_by=f"{wanted_by}.source")
    return Source(files, root, format, encoding, text, label)


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


def pieces(source: Source) -> Iterator[Piece]:
    """Cut a source into what workers read independently."""
    if source.format == "folders":
        for start in range(0, len(source.files), FILES_PER_PIECE):
            yield Piece(source.files[start : start + FILES_PER_PIECE])
    elif source.format == "parquet":
        from pyarrow.parquet import ParquetFile

        for file in source.files:
            yield from (Piece((file,), group) for group in range(ParquetFile(file).num_row_groups))
    else:
        yield from (Piece((file,)) for file in source.files)


def _is_folder(location: str) -> bool:
    if glob.has_magic(location) and not location.startswith(PACKAGE):
        return False
    return resolve(location, wanted_by="source").is_dir()


def _format_of(files: Iterable[Path], *, is_folder: bool, wanted_by: str) -> str:
    found: dict[str | None, Path] = {}
    for file in files:
        found.setdefault(_suffix_format(file), file)
    if len(found) == 1 and None not in found:
        return str(next(iter(found)))
    if is_folder and set(found) == {None}:
        return "folders"
    examples = ", ".join(f"'{file.name}'" for file in found.values())
    raise UserError(
        f"{wanted_by}.format: cannot tell the format from {examples}. Expected all files to end in one of "
        f"{', '.join(SUFFIXES)} (and .gz), or a folder with one sub-folder of text files per label. "
        "Set format: to csv, tsv, jsonl, parquet or folders, or name only the data files, as in 'data/*.csv'."
    )


def _suffix_format(file: Path) -> str | None:
    return SUFFIXES.get(Path(file.name.lower().removesuffix(".gz")).suffix)

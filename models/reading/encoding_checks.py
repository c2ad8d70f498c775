"""Whether text files are in the encoding that the scenario says."""

from models.reading.data_files import DataFile
from models.reading.sampled_files import files_are, spread
from models.reading.sources import Source
from models.reading.transcoding import decode, is_marked, open_raw, show
from schemas.errors import UserError

FIRST_BYTES = 1 << 20
SAMPLED_FILES = 100
SAMPLE_BYTES = 1 << 16
BYTE_ORDER_MARKS = {b"\xff\xfe\x00\x00": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
SIGNATURES = {
    b"\x1f\x8b": ("a gzip file", "Add .gz to its name."),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "Add .zst to its name."),
    b"PK\x03\x04": ("a zip archive or a spreadsheet", "Unpack it, or export it as CSV."),
    b"BZh": ("a bzip2 file", "Unpack it."),
    b"\xfd7zXZ": ("an xz file", "Unpack it."),
    b"PAR1": ("a Parquet file", "Set format: parquet."),
    b"Obj\x01": ("an Avro file", "Set format: avro."),
    b"SQLite format 3": ("a database", "Export the table as CSV."),
    b"%PDF": ("a PDF document", "Expected plain text."),
}


def check_is_text(source: Source) -> None:
    """Refuse packed and binary files, and UTF-16 and UTF-32 that would be read as something else; raises UserError."""
    for file in spread(source.files, SAMPLED_FILES):
        with open_raw(file) as stream:
            head = stream.read(1024)
        kind = next((kind for signature, kind in SIGNATURES.items() if head.startswith(signature)), None)
        if kind is not None:
            raise UserError(
                f"{source.where}: {source.name(file)} begins with {head[:8].hex(' ')}, which is {kind[0]}, not "
                f"{source.format}. {kind[1]}"
            )
        found = _wide_encoding(head) if "\n".encode(source.encoding) == b"\n" else None
        if found:
            raise UserError(
                f"{source.wanted_by}.encoding: {source.name(file)} begins with {head[:8].hex(' ')}, which is {found}, "
                f"not {source.encoding}. Set encoding: {found}."
            )


def _wide_encoding(head: bytes) -> str | None:
    """UTF-32 and UTF-16, from the byte order mark or from every other byte being zero."""
    marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
    if marked is not None:
        return marked
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 4 > 2 * min(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def check_encoding(source: Source, max_reject_rate: float) -> None:
    """Refuse an encoding in which more records are broken than will be tolerated; raises UserError."""
    sample, complete = _sample(source)
    bad = [unit for unit in sample if is_marked(decode(unit, source.encoding))]
    # Ten bad ones are more than chance; a complete sample needs no such caution.
    if len(bad) <= max_reject_rate * len(sample) or (len(bad) < 10 and not complete):
        return
    unit = "files" if source.format == "folders" else "lines"
    raise UserError(
        f"{source.wanted_by}.encoding: {files_are(source, 'has', 'have')} {len(bad):,} {unit} that are not valid "
        f"{source.encoding}, of {len(sample):,} looked at, and max_reject_rate allows {max_reject_rate:g} of them. "
        f"The first reads '{_around_mark(bad[0], source.encoding)}'. {_suggestion(bad, source.encoding)}"
    )


def _sample(source: Source) -> tuple[list[bytes], bool]:
    """Lines (files in format folders) from all over the source, and whether they are all of it."""
    files = spread(source.files, SAMPLED_FILES)
    if source.format == "folders":
        return [_head(file, SAMPLE_BYTES) for file in files], len(files) == len(source.files)
    each = max(SAMPLE_BYTES, FIRST_BYTES // len(files))
    complete = len(files) == len(source.files) and all(file.size < each for file in files)
    if "\n".encode(source.encoding) != b"\n":
        return [_head(file, SAMPLE_BYTES) for file in files], False
    return [line for file in files for line in _head(file, each).split(b"\n")], complete


def _head(file: DataFile, size: int) -> bytes:
    """The beginning of a file, up to the end of a line if it has more than `size` bytes."""
    with open_raw(file) as stream:
        content = stream.read(size)
    return content if len(content) < size else content.rpartition(b"\n")[0]


def _around_mark(content: bytes, encoding: str) -> str:
    """Some characters before and behind the first bad byte."""
    text = decode(content, encoding)
    at = next(i for i, character in enumerate(text) if is_marked(character))
    return show(text[max(0, at - 30) : at + 30]).strip()


def _suggestion(bad: list[bytes], encoding: str) -> str:
    """What other encodings make of the bad records."""
    readings = [
        f"{other} gives '{_reading(bad[0], encoding, other)}'"
        for other in ("utf-8", "cp1252", "mac-roman", "latin-1")
        if not any(is_marked(decode(unit, other)) for unit in bad)
    ]
    return f"Set encoding: to the one that reads right; {'; '.join(readings)}."


def _reading(content: bytes, encoding: str, other: str) -> str:
    text = decode(content, encoding)
    at = len(text[: next(i for i, character in enumerate(text) if is_marked(character))].encode(encoding))
    return decode(content[max(0, at - 30) : at + 30], other).strip()

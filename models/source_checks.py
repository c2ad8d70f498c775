"""A first look at a source, in milliseconds: what is hopeless is refused before anything runs."""

import csv
import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from models.sources import BLOCK_BYTES, RECORD_ADVICE, Source
from models.transcoding import decode, is_marked, open_raw, open_utf8, show
from schemas.errors import UserError, did_you_mean

FIRST_BYTES = 1 << 20
SAMPLED_FILES = 100
SAMPLE_BYTES = 1 << 16
BYTE_ORDER_MARKS = {b"\xff\xfe\x00\x00": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
WHERE = "ingest_examples"


def check_shares(eval_share: float, test_share: float) -> None:
    """Refuse shares that leave nothing to train on; raises UserError."""
    if eval_share + test_share >= 1:
        raise UserError(
            f"{WHERE}: eval_share {eval_share:g} and test_share {test_share:g} leave nothing to train on. "
            "Expected a sum below 1."
        )


def check_source(source: Source, max_reject_rate: float) -> None:
    """Refuse empty and unreadable files, unknown columns, a wrong encoding and folders with one label.

    Raises:
        UserError: with what was found, what was expected and how to fix it.
    """
    if all(file.stat().st_size == 0 for file in source.files):
        raise UserError(
            f"{WHERE}.source: {_files(source, 'is', 'are')} empty. Expected records of format {source.format}."
        )
    if source.format != "parquet":
        _check_byte_order_mark(source)
        _check_encoding(source, max_reject_rate)
    {
        "csv": _check_header,
        "tsv": _check_header,
        "jsonl": _check_keys,
        "parquet": _check_schema,
        "folders": _check_labels,
    }[source.format](source)


def _files(source: Source, one: str, many: str) -> str:
    """The subject of a sentence and its verb."""
    return f"{source.files[0].name} {one}" if len(source.files) == 1 else f"all {len(source.files)} files {many}"


def _spread(files: tuple[Path, ...], count: int) -> list[Path]:
    """At most `count` of the files, evenly spread."""
    return [files[i * len(files) // count] for i in range(count)] if len(files) > count else list(files)


def _check_byte_order_mark(source: Source) -> None:
    """UTF-16 read as anything else is rubbish."""
    if "\n".encode(source.encoding) != b"\n":
        return
    for file in _spread(source.files, SAMPLED_FILES):
        with open_raw(file) as stream:
            head = stream.read(1024)
        found = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
        if found is None and head.count(0) > len(head) // 4:
            found = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        if found:
            raise UserError(
                f"{WHERE}.encoding: {source.name(file)} begins with {head[:8].hex(' ')}, which is {found}, not "
                f"{source.encoding}. Set encoding: {found}."
            )


def _check_encoding(source: Source, max_reject_rate: float) -> None:
    """Refuse an encoding in which more records are broken than will be tolerated."""
    sample, complete = _sample(source)
    bad = [unit for unit in sample if is_marked(decode(unit, source.encoding))]
    # Ten bad ones are more than chance; a complete sample needs no such caution.
    if len(bad) <= max_reject_rate * len(sample) or (len(bad) < 10 and not complete):
        return
    unit = "files" if source.format == "folders" else "lines"
    raise UserError(
        f"{WHERE}.encoding: {_files(source, 'has', 'have')} {len(bad):,} {unit} that are not valid {source.encoding}, "
        f"of {len(sample):,} looked at, and "
        f"max_reject_rate allows {max_reject_rate:g} of them. "
        f"The first reads '{_around_mark(bad[0], source.encoding)}'. {_suggestion(bad, source.encoding)}"
    )


def _sample(source: Source) -> tuple[list[bytes], bool]:
    """Lines (files in format folders) from all over the source, and whether they are all of it."""
    files = _spread(source.files, SAMPLED_FILES)
    if source.format == "folders":
        return [_head(file, SAMPLE_BYTES) for file in files], len(files) == len(source.files)
    each = max(SAMPLE_BYTES, FIRST_BYTES // len(files))
    complete = len(files) == len(source.files) and all(file.stat().st_size < each for file in files)
    if "\n".encode(source.encoding) != b"\n":
        return [_head(file, SAMPLE_BYTES) for file in files], False
    return [line for file in files for line in _head(file, each).split(b"\n")], complete


def _head(file: Path, size: int) -> bytes:
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


def _check_header(source: Source) -> None:
    """The columns of every file, and a record in at least one."""
    found = False
    for file in source.files:
        with open_utf8(file, source.encoding) as stream:
            lines = io.TextIOWrapper(stream, encoding="utf-8", newline="")
            try:
                header, *records = itertools.islice(_records(lines, source), 2)
            except ValueError:
                raise UserError(f"{WHERE}.source: {source.name(file)} is empty. Expected a header line.") from None
            except csv.Error as error:
                raise UserError(
                    f"{WHERE}.source: the first records of {source.name(file)} cannot be parsed as {source.format}: "
                    f"{error}. {RECORD_ADVICE}"
                ) from None
        _check_columns(source, file, header)
        found = found or bool(records)
    if not found:
        raise UserError(
            f"{WHERE}.source: {_files(source, 'has', 'have')} only a header, no records. Expected at least a few dozen."
        )


def _records(lines: io.TextIOWrapper, source: Source) -> Iterator[list[str]]:
    quoted = source.format == "csv"
    csv.field_size_limit(BLOCK_BYTES)  # 131,072 characters otherwise
    records = csv.reader(
        lines, delimiter="," if quoted else "\t", quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    )
    return (record for record in records if record)


def _check_columns(source: Source, file: Path, columns: list[str]) -> None:
    """Both columns must be there, once each, and be two."""
    if source.text == source.label:
        raise UserError(f"{WHERE}.label: text and label are both '{source.text}'. Expected two columns.")
    for parameter, column in (("text", source.text), ("label", source.label)):
        if columns.count(column) == 1:
            continue
        trouble = f"has {columns.count(column)} columns" if column in columns else "has no column"
        raise UserError(
            f"{WHERE}.{parameter}: {source.name(file)} {trouble} '{column}'.{did_you_mean(column, columns)} It has: "
            f"{', '.join(columns)}. Set {parameter}: to the right one.{_separator_hint(source, columns)}"
        )


def _separator_hint(source: Source, columns: list[str]) -> str:
    separator = "comma" if source.format == "csv" else "tab"
    if source.format in ("csv", "tsv") and len(columns) == 1:
        return f" One column only: format {source.format} expects a {separator} between columns."
    return ""


def _check_keys(source: Source) -> None:
    """The keys of the first objects of each file."""
    for file in source.files:
        with open_utf8(file, source.encoding) as stream:
            lines = list(itertools.islice((line for line in stream if line.strip()), 20))
        objects = [record for record in map(_parsed, lines) if isinstance(record, dict)]
        if lines and not objects:
            first = show(lines[0][:60].decode("utf-8", "replace")).strip()
            raise UserError(
                f"{WHERE}.format: none of the first {len(lines)} lines of {source.name(file)} is a JSON object; the "
                f"first is '{first}'. Expected one object a line, such as "
                f'{{"{source.text}": "...", "{source.label}": "..."}}.'
            )
        if objects:
            _check_columns(source, file, list(dict.fromkeys(key for record in objects for key in record)))


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _check_schema(source: Source) -> None:
    """Columns and their types, from each file's footer."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    allowed = {
        source.text: (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary),
        source.label: (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean),
    }
    rows = 0
    for file in source.files:
        try:
            parquet = ParquetFile(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise UserError(
                f"{WHERE}.source: {source.name(file)} cannot be read as Parquet: {error}. Expected a whole Parquet "
                "file that you may read; copy it again, set format: if it is something else, or leave it out of source."
            ) from None
        rows += parquet.metadata.num_rows
        schema = parquet.schema_arrow
        _check_columns(source, file, schema.names)
        for column, kinds in allowed.items():
            kind = schema.field(column).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            good = kinds if column == source.text else (*kinds, *allowed[source.text])
            if not any(is_kind(kind) for is_kind in good):
                raise UserError(
                    f"{WHERE}: column '{column}' of {source.name(file)} has type {kind}. Expected strings"
                    f"{'' if column == source.text else ' or whole numbers'}."
                )
    if not rows:
        raise UserError(f"{WHERE}.source: {_files(source, 'has', 'have')} no records.")


def _check_labels(source: Source) -> None:
    """At least two sub-folders with files."""
    labels = sorted({label for file in source.files if (label := source.label_of(file)) is not None})
    if len(labels) < 2:
        raise UserError(
            f"{WHERE}.source: {source.root} has {len(labels)} label folders ({', '.join(labels) or 'none'}). "
            "Expected at least two sub-folders, each named after its label and holding one text file per record."
        )

"""A first look at a source, in milliseconds: what is hopeless is refused before anything runs."""

import csv
import io
import itertools
import json
from collections.abc import Iterator
from typing import BinaryIO

from models.reading.column_checks import check_columns, check_roles
from models.reading.data_files import DataFile
from models.reading.encoding_checks import SAMPLE_BYTES, check_encoding, check_is_text
from models.reading.sampled_files import files_are, looked_at
from models.reading.sources import BLOCK_BYTES, TEXT_FORMATS, Source
from models.reading.transcoding import open_utf8, show
from schemas.errors import UserError

WHERE = "ingest_examples"
FIRST_RECORDS = 1000


def check_shares(eval_share: float, test_share: float) -> None:
    """Refuse shares that leave nothing to train on; raises UserError."""
    if eval_share + test_share >= 1:
        raise UserError(
            f"{WHERE}: eval_share {eval_share:g} and test_share {test_share:g} leave nothing to train on. "
            "Expected a sum below 1."
        )


def check_source(source: Source, max_reject_rate: float) -> None:
    """Refuse roles that contradict each other, empty and unreadable files, columns that are not there or of the wrong
    type, a wrong encoding and folders with one label.

    Raises:
        UserError: with what was found, what was expected and how to fix it.
    """
    check_roles(source)
    if source.format == "bigquery":
        from models.reading.bigquery_tables import check_table

        check_table(source)
        return
    if source.size == 0:
        raise UserError(f"{source.where}: {files_are(source, 'is', 'are')} empty. Expected records of {source.format}.")
    if source.format in TEXT_FORMATS:
        check_is_text(source)
        check_encoding(source, max_reject_rate)
    if source.format == "folders":
        _check_labels(source)
    elif source.format in ("csv", "tsv"):
        _check_header(source)
    elif source.format == "jsonl":
        _check_keys(source)
    else:
        from models.reading.container_checks import check_avro, check_parquet, check_tfrecord

        {"parquet": check_parquet, "avro": check_avro, "tfrecord": check_tfrecord}[source.format](source)


def _check_header(source: Source) -> None:
    """The columns of every file, and a record in at least one."""
    found = False
    for file in looked_at(source):
        with open_utf8(file, source.encoding) as stream:
            lines = io.TextIOWrapper(stream, encoding="utf-8", newline="")
            check_columns(source, file, _header(lines, file, source))
            found = found or bool(lines.read(SAMPLE_BYTES).strip())
    if not found:
        raise UserError(
            f"{source.where}: {files_are(source, 'has', 'have')} only a header, no records. "
            "Expected at least a few dozen."
        )


def _header(lines: io.TextIOWrapper, file: DataFile, source: Source) -> list[str]:
    quoted = source.format == "csv"
    csv.field_size_limit(BLOCK_BYTES)  # 131,072 characters otherwise
    records = csv.reader(
        lines, delimiter="," if quoted else "\t", quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    )
    try:
        return next(record for record in records if record)
    except StopIteration:
        raise UserError(f"{source.where}: {source.name(file)} is empty. Expected a header line.") from None
    except csv.Error as error:
        raise UserError(
            f"{source.where}: the header of {source.name(file)} cannot be parsed as {source.format}: {error}. "
            "Expected the columns' names. Repair the file, or set format: if it is something else."
        ) from None


def _check_keys(source: Source) -> None:
    """The keys of the first objects of each file. A rare one may come late, so a thousand are looked at if need be."""
    for file in looked_at(source):
        seen: dict[str, None] = {}
        count, first = 0, ""
        wanted = set(source.roles.source_columns())
        with open_utf8(file, source.encoding) as stream:
            for line in itertools.islice(_lines(stream), FIRST_RECORDS):
                count, first = count + 1, first or show(line[:60].decode("utf-8", "replace")).strip()
                seen |= dict.fromkeys(_keys(line))
                if wanted <= set(seen):
                    break
        if count and not seen:
            keys = ", ".join(f'"{column}": ...' for column in source.roles.source_columns())
            raise UserError(
                f"{source.wanted_by}.format: none of the first {count} lines of {source.name(file)} is a JSON object; "
                f"the first is '{first}'. Expected one object a line, such as {{{keys}}}."
            )
        if count:
            check_columns(source, file, list(seen))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines that hold something, cut where they are too long to be records."""
    while line := stream.readline(BLOCK_BYTES):
        if line.strip():
            yield line


def _keys(line: bytes) -> list[str]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(record) if isinstance(record, dict) else []


def _check_labels(source: Source) -> None:
    """At least two sub-folders with files."""
    labels = sorted({label for file in source.files if (label := source.label_of(file)) is not None})
    if source.roles.label and len(labels) < 2:
        raise UserError(
            f"{source.where}: {source.root} has {len(labels)} label folders ({', '.join(labels) or 'none'}). "
            "Expected at least two sub-folders, each named after its label and holding one text file per record."
        )

"""Columns and types of Parquet, Avro and TFRecord files, from their headers or first records."""

from typing import Any

from models.reading.avro_files import has_records, writer_schema
from models.reading.column_checks import check_columns, check_kinds
from models.reading.example_records import first_features
from models.reading.parquet_files import open_parquet
from models.reading.sampled_files import files_are, looked_at
from models.reading.sources import Source
from models.reading.values import is_list, is_text
from schemas.errors import UserError

AVRO_KINDS = {
    "string": "text",
    "bytes": "text",
    "fixed": "text",
    "enum": "text",
    "int": "number",
    "long": "number",
    "boolean": "number",
    "float": "fraction",
    "double": "fraction",
    "array": "list",
    "null": "none",
}


def check_parquet(source: Source) -> None:
    """From each file's footer; raises UserError."""
    rows = 0
    for file in looked_at(source):
        with open_parquet(file, source) as parquet:
            rows += parquet.metadata.num_rows
            schema = parquet.schema_arrow
        check_columns(source, file, schema.names)
        kinds = {column.name: arrow_kind(column.type) for column in schema}
        check_kinds(source, file, kinds, {column.name: str(column.type) for column in schema})
    if not rows:
        _refuse_no_records(source)


def check_avro(source: Source) -> None:
    """From each file's schema; raises UserError."""
    files = looked_at(source)
    for file in files:
        schema = writer_schema(file, source)
        fields = schema.get("fields", []) if isinstance(schema, dict) else []
        check_columns(source, file, [field["name"] for field in fields])
        kinds = {field["name"]: _avro_kind(field["type"]) for field in fields}
        check_kinds(source, file, kinds, {field["name"]: str(field["type"]) for field in fields})
    if not any(has_records(file, source) for file in files):
        _refuse_no_records(source)


def check_tfrecord(source: Source) -> None:
    """From each file's first record; raises UserError."""
    found = False
    for file in looked_at(source):
        try:
            kinds = first_features(file)
        except ValueError as error:
            raise UserError(
                f"{source.where}: {source.name(file)} cannot be read as TFRecord of tf.train.Example: {error}. "
                "Expected a whole file; copy it again, set format: if it is something else, or leave it out of source."
            ) from None
        if kinds is not None:
            found = True
            check_columns(source, file, _with_rare_features(source, list(kinds)))
            check_kinds(source, file, kinds, {name: {"text": "bytes"}.get(kind, kind) for name, kind in kinds.items()})
    if not found:
        _refuse_no_records(source)


def _with_rare_features(source: Source, names: list[str]) -> list[str]:
    """An Example leaves out what it does not have, so one of them shows only text and label for certain."""
    may_miss = {column for role, column in source.roles.named() if role in ("numeric", "categorical", "slices")}
    may_miss -= {source.roles.text, source.roles.text_pair, *source.roles.label}
    return [*names, *(column for column in may_miss if column not in names)]


def _refuse_no_records(source: Source) -> None:
    raise UserError(f"{source.where}: {files_are(source, 'has', 'have')} no records.")


def arrow_kind(kind: Any) -> str:
    """What a type can play; see `check_kinds`."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if is_text(kind):
        return "text"
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return "number"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "fraction"
    if is_list(kind):
        return "list" if arrow_kind(kind.value_type) in ("text", "number") else "nested"
    if pa.types.is_null(kind):
        return "none"
    return "nested" if pa.types.is_nested(kind) else "other"


def _avro_kind(kind: Any) -> str:
    """As `arrow_kind`; a union is what its members besides null are."""
    if isinstance(kind, list):
        members = {_avro_kind(member) for member in kind} - {"none"}
        return next(iter(members), "none") if len(members) <= 1 else "none"
    if isinstance(kind, dict):
        logical = kind.get("logicalType")
        if logical is not None:
            return "fraction" if logical == "decimal" else "text" if logical == "uuid" else "other"
        return _avro_kind(kind["type"])
    return AVRO_KINDS.get(kind, "none" if "." in kind or kind not in ("record", "map") else "nested")

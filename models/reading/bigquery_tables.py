"""What BigQuery tells of a table; needs the `gcp` extra."""

from importlib.util import find_spec
from typing import Any

from models.reading.column_checks import check_columns, check_kinds
from models.reading.sources import Source
from schemas import digests
from schemas.errors import UserError
from schemas.locations import BIGQUERY

KINDS = {
    "STRING": "text",
    "BYTES": "text",
    "INTEGER": "number",
    "INT64": "number",
    "BOOLEAN": "number",
    "BOOL": "number",
    "FLOAT": "fraction",
    "FLOAT64": "fraction",
    "NUMERIC": "fraction",
    "BIGNUMERIC": "fraction",
    "RECORD": "nested",
    "STRUCT": "nested",
}


def check_table(source: Source) -> None:
    """Refuse a table that is not there, is empty or lacks columns.

    Raises:
        UserError: with what is there.
    """
    table = describe(source.root, wanted_by=source.where)
    fields = {field.name: field for field in table.schema}
    check_columns(source, source.root, list(fields))
    kinds = {name: _kind(field) for name, field in fields.items()}
    check_kinds(
        source, source.root, kinds, {name: f"{field.mode} {field.field_type}" for name, field in fields.items()}
    )
    if table.num_rows == 0:
        raise UserError(f"{source.where}: {source.root} has no records.")


def digest(location: str, *, wanted_by: str) -> str:
    """What changes when a table changes; raises UserError as `describe`."""
    table = describe(location.removeprefix(BIGQUERY), wanted_by=wanted_by)
    return digests.of_json([table.full_table_id, table.etag, str(table.modified), table.num_rows])


def describe(name: str, *, wanted_by: str) -> Any:
    """A table's `google.cloud.bigquery.Table`: columns, size and time of change.

    Raises:
        UserError: the extra is missing, the name is none, or the table cannot be looked at.
    """
    if name.count(".") != 2 or not all(name.split(".")):
        raise UserError(f"{wanted_by}: '{BIGQUERY}{name}' names no table. Expected {BIGQUERY}project.dataset.table.")
    if not _is_installed():
        raise UserError(
            f"{wanted_by}: '{BIGQUERY}{name}' needs BigQuery's packages, which are not installed here. Install them: "
            "pip install 'modelmill[gcp]'; or export the table to Parquet and give the files."
        )
    try:
        return _client(name).get_table(name)
    except Exception as error:  # credentials, network, permissions: each with classes of its own
        raise UserError(
            f"{wanted_by}: table '{name}' cannot be looked at: {error}. Expected a table that you may read; check the "
            "spelling, your credentials and the network."
        ) from error


def _is_installed() -> bool:
    try:
        return find_spec("google.cloud.bigquery") is not None and find_spec("google.cloud.bigquery_storage") is not None
    except ModuleNotFoundError:
        return False


def _client(name: str) -> Any:
    from google.cloud import bigquery

    return bigquery.Client(project=name.partition(".")[0])


def _kind(field: Any) -> str:
    """See `check_kinds`; dates and the like are other."""
    kind = KINDS.get(field.field_type, "other")
    return "list" if field.mode == "REPEATED" and kind in ("text", "number") else kind

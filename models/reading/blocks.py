"""Records as readers give them: columns of values, before anyone asked what the values mean."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from models.reading.roles import Roles
from models.reading.transcoding import decode
from models.reading.values import first_reason

BLOCK_ROWS = 8192
# Of a record that is too large.
SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Block:
    """Some records as they were read.

    Args:
        rows: int64, their numbers in the piece; the first is 1.
        columns: values by column of the source, of any type that Arrow has; a column that is not there has none.
        reasons: what reading itself found wrong; null where nothing. None: nowhere.
        record: how record i of the block looked.
    """

    rows: pa.Array
    columns: dict[str, pa.Array]
    reasons: pa.Array | None
    record: Callable[[int], str]


def shown_row(batch: pa.RecordBatch, index: int) -> str:
    """A row of some columns as JSON."""
    return shown_record(batch.slice(index, 1).to_pylist()[0])


def shown_record(record: Any) -> str:
    """A record as JSON, as far as JSON can say it."""
    return json.dumps(record, ensure_ascii=False, default=repr)


def refused_block(refused: list[tuple[int, str, str]]) -> Block:
    """Records that have no columns: number, reason and look of each."""
    rows, reasons, records = zip(*refused, strict=True)
    return Block(pa.array(rows, pa.int64()), {}, pa.array(reasons, pa.string()), records.__getitem__)


def records_block(
    rows: Sequence[int],
    records: Sequence[dict[str, Any]],
    roles: Roles,
    reasons: Sequence[str | None],
    record: Callable[[int], str],
) -> Block:
    """Records that came one by one, each value of whatever type.

    Args:
        rows: their numbers.
        records: values by column; empty where reading failed.
        roles: which columns are wanted, and as what.
        reasons: why reading failed; None where it did not.
        record: how record i looked.
    """
    columns: dict[str, pa.Array] = {}
    found = [pa.array(reasons, pa.string()) if any(reasons) else None]
    for role, name in roles.named():
        if name not in columns:  # of a column with two roles, the first counts
            columns[name], odd = _column([record.get(name) for record in records], value_kind(role, roles))
            found.append(odd)
    return Block(pa.array(rows, pa.int64()), columns, first_reason(*found), record)


def value_kind(role: str, roles: Roles) -> str:
    """What the values of a column are taken for where their types differ: text, name, number, classes or anything."""
    if role == "label" and roles.has_lists:
        return "classes"
    if role in ("numeric", "weight") or (role == "label" and roles.label_kind != "class"):
        return "number"
    return {"text": "text", "text_pair": "text", "label": "name", "id": "name", "split": "name"}.get(role, "anything")


def _column(values: list[Any], kind: str) -> tuple[pa.Array, pa.Array | None]:
    """Python values as an array, as strings if their types differ; a reason where a value has no place in it.

    What becomes of a value must not depend on the others in its block, so strings here are those that `values.py`
    makes of an array of the value's own type.
    """
    try:
        column = pa.array(values)
        if not pa.types.is_decimal(column.type):  # one scale for all
            return column, None
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeEncodeError, OverflowError):
        pass
    reasons: list[str | None] = [None] * len(values)
    written: list[Any] = [None] * len(values)
    for i, value in enumerate(values):
        try:
            is_list = kind == "classes" and isinstance(value, list)
            written[i] = [_written(item, kind) for item in value] if is_list else _written(value, kind)
        except UnicodeEncodeError:  # an escaped half of a surrogate pair
            reasons[i] = "undecodable"
        except TypeError:
            reasons[i] = "wrong_type"
    if any(isinstance(value, list) for value in written):
        lists = [_listed(value) for value in written]
        return pa.array(lists, pa.list_(pa.string())), pa.array(reasons, pa.string())
    return pa.array(written, pa.string()), pa.array(reasons, pa.string())


def _listed(value: Any) -> Any:
    return ([value] if value.strip() else None) if isinstance(value, str) else value


def _written(value: Any, kind: str) -> str | None:
    """A value as the string that its column would have in a CSV file; raises TypeError where there is none."""
    if value is None:
        return None
    if isinstance(value, bytes):
        value = decode(value, "utf-8")
    if isinstance(value, str):
        value.encode()
        return value
    if kind == "text" or isinstance(value, list | dict):
        raise TypeError
    if isinstance(value, bool):
        return str(int(value)) if kind == "number" else str(value).lower()
    return _written_float(value, kind) if isinstance(value, float) else str(value)


def _written_float(value: float, kind: str) -> str | None:
    if math.isnan(value):
        return None
    if value.is_integer() and abs(value) < 2.0**63:
        return str(int(value))
    if kind in ("name", "classes"):
        raise TypeError
    return str(pa.scalar(value).cast(pa.string()).as_py())

"""Records on their way from a reader to a shard: cleaned, named, and with keys that say which belong together."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.ingest.cleaning import Cleaning, clean, length_reasons
from models.ingest.identity import content_ids, joined, keys_of
from models.ingest.normalising import normalised
from schemas.artifacts import SPLITS
from schemas.columns import CATEGORICAL, NUMERIC, Columns

REFUSED = pa.schema(
    {
        "piece": pa.int32(),
        "row": pa.int64(),
        "reason": pa.string(),
        "record": pa.string(),
        "duplicate_of": pa.string(),
    }
)
"""A record that is not kept: its piece of the source and its number there, why, how it looked, and whose copy it is."""


@dataclass(frozen=True)
class Prepared:
    """Good records with schema `working_schema`, the others with schema REFUSED, and what cleaning did."""

    records: pa.RecordBatch
    refused: pa.Table
    cleaned: Counter[str]


def working_schema(columns: Columns, *, grouped: bool) -> pa.Schema:
    """The columns of Examples, then what later decisions need.

    `key` is equal for records with equal texts (features, where there are no texts), `group` for records of a
    group; `given` is the index in SPLITS of the split that the source says, train where it says none.
    """
    fields = [("key", pa.uint64()), ("given", pa.int8()), ("piece", pa.int32()), ("row", pa.int64())]
    return pa.schema([*columns.arrow_schema(), *fields, *([("group", pa.uint64())] if grouped else [])])


def prepare(
    kept: pa.RecordBatch, columns: Columns, cleaning: Cleaning, *, piece: int, given: str | None = None
) -> Prepared:
    """Clean the records of a reader, refuse what is too short or too long, and name the rest.

    Args:
        kept: what a reader kept; see `models.reading.readers.kept_schema`.
        columns: of the Examples.
        cleaning: the rules.
        piece: number of the piece that they come from.
        given: the split that the file says, for files without a column that does.
    """
    changed: Counter[str] = Counter()
    values = dict(zip(kept.schema.names, kept.columns, strict=True))
    reasons = pa.nulls(len(kept), pa.string())
    for name in columns.texts():
        raw = values[name]
        values[name], counts = clean(raw, cleaning)
        values[f"{name}_raw"] = pc.if_else(pc.equal(values[name], raw), None, raw)
        reasons = pc.coalesce(reasons, length_reasons(values[name], cleaning))
        changed.update(counts)
    values["piece"] = pa.array(np.full(len(kept), piece, np.int32))
    good = pc.is_null(reasons)
    bad = pa.table({**values, "text": kept["text"]} if columns.text else values).filter(pc.invert(good))
    refused = refuse(bad, columns, reasons.drop_null().to_pylist(), [None] * len(bad))
    if len(bad):
        values = {name: column.filter(good) for name, column in values.items()}
    return Prepared(_named(values, columns, given), refused, changed)


def refuse(rows: pa.Table, columns: Columns, reasons: Sequence[str], duplicates_of: Sequence[str | None]) -> pa.Table:
    """Some rows with schema REFUSED."""
    return pa.Table.from_arrays(
        [
            whole(rows["piece"]),
            whole(rows["row"]),
            pa.array(reasons, pa.string()),
            pa.array([show_record(row, columns) for row in rows.to_pylist()], pa.string()),
            pa.array(duplicates_of, pa.string()),
        ],
        schema=REFUSED,
    )


def features(batch: pa.RecordBatch | pa.Table, columns: Columns) -> list[pa.Array]:
    """The feature columns of some records."""
    names = [*(NUMERIC + name for name in columns.numeric), *(CATEGORICAL + name for name in columns.categorical)]
    return [whole(batch[name]) for name in names]


def show_record(row: dict[str, object], columns: Columns) -> str:
    """How a record looks in rejects.

    >>> show_record({"text": "good", "label": "yes", "row": 3}, Columns())
    '{"text": "good", "label": "yes"}'
    """
    names = [*columns.texts(), *(["label"] if columns.label else [])]
    names = names if columns.text else [name for name in row if name not in ("piece", "row", "key", "given", "group")]
    return json.dumps({name: row[name] for name in names}, ensure_ascii=False, default=str)


def _named(values: dict[str, pa.Array], columns: Columns, given: str | None) -> pa.RecordBatch:
    """Add keys, ids and splits."""
    rows = len(values["row"])
    texts = [normalised(values[name]) for name in columns.texts()]
    other = [values[NUMERIC + name] for name in columns.numeric]
    other += [values[CATEGORICAL + name] for name in columns.categorical]
    keys = keys_of(joined(texts or other, rows))
    if "id" not in values:
        named = [name for name in columns.arrow_schema().names if name != "id" and not name.endswith("_raw")]
        values["id"] = content_ids(keys, joined([values[name] for name in named], rows))
    values["key"] = pa.array(keys)
    values["given"] = _given(values.get("split"), given, rows)
    if "group" in values:
        # A group and a text that read the same are not the same.
        values["group"] = pa.array(keys_of(joined([pa.array(["group"] * rows), values["group"]], rows)))
    schema = working_schema(columns, grouped="group" in values)
    return pa.record_batch([values[name] for name in schema.names], schema=schema)


def _given(splits: pa.Array | None, given: str | None, rows: int) -> pa.Array:
    if splits is None:
        return pa.array(np.full(rows, SPLITS.index(given or "train"), np.int8))
    return pc.index_in(splits, pa.array(SPLITS)).cast(pa.int8())


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

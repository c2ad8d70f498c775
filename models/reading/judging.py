"""Which records are kept, in the columns that Examples are made of, and why the others are not."""

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from models.reading.blocks import SHOWN_CHARACTERS, Block
from models.reading.roles import Roles
from models.reading.transcoding import show
from models.reading.values import (
    Converted,
    class_lists,
    classes,
    first_reason,
    flags,
    numbers,
    reason_where,
    texts,
    trimmed,
)
from schemas.columns import CATEGORICAL, NUMERIC, SLICE

REJECTS = pa.schema({"row": pa.int64(), "reason": pa.string(), "record": pa.string()})

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "eval": "eval",
    "evaluation": "eval",
    "validation": "eval",
    "valid": "eval",
    "val": "eval",
    "dev": "eval",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Rows:
    """`count` records of one piece: the good ones with the schema `kept_schema`, the others with schema REJECTS."""

    count: int
    kept: pa.RecordBatch
    rejected: pa.RecordBatch


def kept_schema(roles: Roles) -> pa.Schema:
    """Columns of the records that are kept.

    `row` is the record's number within its piece; then come `id`, `split` and `group` where the source has them, and
    the columns of Examples without `id` and the raw texts.

    >>> kept_schema(Roles(id="key", numeric=("age",))).names
    ['row', 'id', 'text', 'label', 'numeric/age']
    """
    own = [(name, pa.string()) for name in ("id", "split", "group") if getattr(roles, name) is not None]
    examples = [
        column for column in roles.columns().arrow_schema() if column.name != "id" and not column.name.endswith("_raw")
    ]
    return pa.schema([("row", pa.int64()), *own, *examples])


def judge(block: Block, roles: Roles) -> Rows:
    """Keep the records that have everything their roles ask for, and give the others the first reason not to."""
    judged = _Judged(block)
    _judge_texts(judged, roles)
    _judge_label(judged, roles)
    _judge_names(judged, roles)
    _judge_features(judged, roles)
    schema = kept_schema(roles)
    kept = pa.record_batch([judged.columns[name] for name in schema.names], schema=schema)
    reasons = first_reason(block.reasons, *judged.reasons)
    if reasons is None:
        return Rows(len(block.rows), kept, pa.RecordBatch.from_pylist([], REJECTS))
    return Rows(len(block.rows), kept.filter(pc.is_null(reasons)), _rejected(block, reasons))


def _rejected(block: Block, reasons: pa.Array) -> pa.RecordBatch:
    bad = pc.indices_nonzero(pc.is_valid(reasons))
    reasons = reasons.take(bad)
    shown = [
        show(block.record(i))[: SHOWN_CHARACTERS if reason == "too_large" else None]
        for i, reason in zip(bad.to_pylist(), reasons.to_pylist(), strict=True)
    ]
    return pa.record_batch([block.rows.take(bad), reasons, pa.array(shown, pa.string())], schema=REJECTS)


@dataclass
class _Judged:
    """What is known of a block so far."""

    block: Block
    columns: dict[str, pa.Array] = field(default_factory=dict)
    reasons: list[pa.Array | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.columns["row"] = self.block.rows

    def source(self, column: str) -> pa.Array:
        """The values of a column of the source."""
        found = self.block.columns.get(column)
        return pa.nulls(len(self.block.rows)) if found is None else found

    def add(self, name: str, converted: Converted, *, missing: str | None = None) -> None:
        """Take a column in; with `missing`, a record without a value is rejected for that."""
        values, reasons = converted
        self.columns[name] = values
        self.reasons.append(reasons)
        if missing is not None:
            self.reasons.append(reason_where(pc.is_null(values), missing))


def _judge_texts(judged: _Judged, roles: Roles) -> None:
    for name in ("text", "text_pair"):
        column = getattr(roles, name)
        if column is not None:
            values, reasons = texts(judged.source(column))
            judged.add(name, (values, reasons), missing=f"missing_{name}")
            judged.reasons.append(reason_where(_is_blank(values), f"missing_{name}"))


def _is_blank(values: pa.Array) -> pa.Array:
    return pc.equal(pc.binary_length(pc.utf8_ltrim_whitespace(values)), 0)


def _judge_label(judged: _Judged, roles: Roles) -> None:
    if not roles.label:
        return
    columns = [judged.source(column) for column in roles.label]
    if roles.label_kind == "value":
        converted = numbers(columns[0])
    elif roles.label_kind == "class":
        converted = trimmed(columns[0])
    elif len(columns) == 1:
        converted = classes(columns[0], roles.label_separator)
    else:
        indicators = [flags(column) for column in columns]
        lists = class_lists(roles.label, [values for values, _ in indicators])
        converted = lists, first_reason(*(reasons for _, reasons in indicators))
    judged.add("label", converted, missing="missing_label")


def _judge_names(judged: _Judged, roles: Roles) -> None:
    """Id, group and split."""
    if roles.id is not None:
        judged.add("id", trimmed(judged.source(roles.id)), missing="missing_id")
    if roles.group is not None:
        judged.add("group", trimmed(judged.source(roles.group), fractions=True), missing="missing_group")
    if roles.split is not None:
        names, reasons = trimmed(judged.source(roles.split))
        known = pc.index_in(pc.utf8_lower(names), pa.array(list(SPLIT_NAMES)))
        judged.add("split", (pa.array(list(SPLIT_NAMES.values())).take(known), reasons))
        judged.reasons.append(reason_where(pc.is_null(names), "missing_split"))
        judged.reasons.append(reason_where(pc.is_null(known), "unknown_split"))


def _judge_features(judged: _Judged, roles: Roles) -> None:
    if roles.weight is not None:
        weights, _ = numbers(judged.source(roles.weight))
        weights = weights.cast(pa.float32(), safe=False)
        judged.add("weight", (weights, None), missing="bad_weight")
        good = pc.and_(pc.greater_equal(weights, 0), pc.is_finite(weights))
        judged.reasons.append(reason_where(pc.invert(good), "bad_weight"))
    for column in roles.numeric:
        judged.add(NUMERIC + column, numbers(judged.source(column)))
    for prefix, columns in ((CATEGORICAL, roles.categorical), (SLICE, roles.slices)):
        for column in columns:
            judged.add(prefix + column, trimmed(judged.source(column), fractions=True))

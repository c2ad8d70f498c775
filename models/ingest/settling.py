"""Equal records and contradicting labels among the rows of one bucket, which holds all records with equal texts."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from models.ingest.identity import joined, number_repeats
from models.ingest.records import features, refuse, whole
from schemas.columns import Columns

Policy = Literal["keep", "remove"]
DUPLICATE, CONTRADICTORY = "duplicate", "contradictory_label"
CONTRADICTIONS = pa.schema({"text": pa.string(), "labels": pa.list_(pa.string()), "rows": pa.list_(pa.int64())})


@dataclass(frozen=True)
class Settled:
    """The records that stay, by key and id; those that do not, with schema REFUSED; texts with different labels."""

    records: pa.Table
    refused: pa.Table
    contradictions: pa.Table


def settle(
    rows: pa.Table, columns: Columns, *, duplicates: Policy, contradictions: Policy, named: bool = False
) -> Settled:
    """Find duplicates and contradictions and deal with them.

    Two records are duplicates if texts (normalised), features and label are equal; the one with the smallest id
    stays. In splits that the source gives, each split is looked at alone. Two records contradict each other if only
    the labels differ.

    Args:
        rows: all records of some keys, with schema `working_schema`.
        columns: of the Examples.
        duplicates: keep them, or remove all but the first.
        contradictions: keep them, or remove all of them.
        named: whether the source gave the ids; others are made unique here.
    """
    rows = _in_order(rows, columns)
    labels = _codes(joined([whole(rows["label"])] if columns.label else [], len(rows)))
    others = _codes(joined(features(rows, columns), len(rows)))
    same_input = _runs(rows["key"].to_numpy(), others)
    listed, contradicting = (CONTRADICTIONS.empty_table(), np.zeros(len(rows), bool))
    if columns.label in ("class", "classes"):
        listed, contradicting = _contradictions(rows, same_input, labels)
    first = _first_of(same_input, labels, rows["given"].to_numpy())
    reasons = np.full(len(rows), "", object)
    if duplicates == "remove":
        reasons[first != np.arange(len(rows))] = DUPLICATE
    if contradictions == "remove":
        reasons[contradicting] = CONTRADICTORY
    stays = rows.filter(pa.array(reasons == ""))
    if not named:
        at = stays.schema.get_field_index("id")
        stays = stays.set_column(at, "id", number_repeats(whole(stays["id"])))
    return Settled(stays, _equal_rows(rows, columns, reasons, first), listed)


def _in_order(rows: pa.Table, columns: Columns) -> pa.Table:
    """Sorted by key, id and everything else, so that the order in which records were read decides nothing."""
    named = [whole(rows[name]) for name in columns.arrow_schema().names if name != "id"]
    table = rows.append_column("everything", joined(named, len(rows)))
    ordered = table.sort_by([("key", "ascending"), ("id", "ascending"), ("everything", "ascending")])
    return ordered.drop_columns("everything").combine_chunks()


def _codes(strings: pa.Array) -> np.ndarray:
    """A number for each different string."""
    return strings.dictionary_encode().indices.to_numpy(zero_copy_only=False)


def _runs(*columns: np.ndarray) -> np.ndarray:
    """A number for each different combination of values: int64 [n]."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, index = np.unique(column, return_inverse=True)
        code = np.unique(code * (len(values) + 1) + index, return_inverse=True)[1]
    return code


def _first_of(*columns: np.ndarray) -> np.ndarray:
    """For each row the first one with the same combination of values: int64 [n]."""
    _, first, code = np.unique(_runs(*columns), return_index=True, return_inverse=True)
    return first[code]


def _contradictions(rows: pa.Table, same_input: np.ndarray, labels: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """The contradicting texts with the rows of each label, and which rows they are."""
    pairs = np.unique(np.stack([same_input, labels]), axis=1)
    inputs, kinds = np.unique(pairs[0], return_counts=True)
    contradicting = np.isin(same_input, inputs[kinds > 1])
    found: dict[int, Counter[str]] = {}
    texts: dict[int, str] = {}
    part = rows.filter(pa.array(contradicting))
    shown = whole(part["text" if "text" in part.schema.names else "id"]).to_pylist()
    names = joined([whole(part["label"])], len(part)).to_pylist()
    for group, text, name in zip(same_input[contradicting].tolist(), shown, names, strict=True):
        found.setdefault(group, Counter())[name] += 1
        texts.setdefault(group, text)
    listed = [
        {"text": texts[group], "labels": sorted(counts), "rows": [counts[name] for name in sorted(counts)]}
        for group, counts in found.items()
    ]
    return pa.Table.from_pylist(listed, CONTRADICTIONS), contradicting


def _equal_rows(rows: pa.Table, columns: Columns, reasons: np.ndarray, first: np.ndarray) -> pa.Table:
    """The rows that have a reason, with schema REFUSED."""
    bad = np.flatnonzero(reasons != "")
    originals = whole(rows["id"]).take(pa.array(first[bad])).to_pylist()
    copies = [name if reason == DUPLICATE else None for name, reason in zip(originals, reasons[bad], strict=True)]
    return refuse(rows.take(pa.array(bad)), columns, reasons[bad].tolist(), copies)

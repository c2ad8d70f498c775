"""Are there as many rows, and the columns, that the schema says?"""

import math
from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import schema_pb2

from models.statistics.label_tokens import GIVEN
from models.validation.case import TRAIN, Severity
from models.validation.lines import SchemaText, quoted
from models.validation.types import WRITTEN
from models.validation.view import SplitView
from schemas.reports import Anomaly

COMPARATORS = ("num_examples_drift_comparator", "num_examples_version_comparator")


def rows(file: SchemaText, split: SplitView, before: SplitView | None) -> Iterator[Anomaly]:
    """Examples in a split, also against those of the reference. The absolute bounds are about the train split."""
    if not split.rows:
        severity: Severity = "error" if split.name == TRAIN else "warning"
        edit = "none: give the split rows, for example by ingest_examples' shares"
        yield _anomaly("NO_DATA_IN_SPAN", split, "no rows", "at least one", edit, severity)
        return
    stated = file.proto.dataset_constraints
    if split.name == TRAIN:
        yield from _bounds(file, split, stated)
    if before is not None and before.rows:
        for comparator in COMPARATORS:
            if stated.HasField(comparator):
                yield from _growth(file, split, before, comparator)


def columns(file: SchemaText, split: SplitView) -> Iterator[Anomaly]:
    """Features that the schema demands and the split lacks, and such that the schema does not know."""
    for index, feature in enumerate(file.proto.feature):
        demanded = feature.presence.min_fraction > 0 or feature.presence.min_count > 0
        if (
            demanded
            and is_used(feature)
            and applies(file.proto, feature, split.name)
            and feature.name not in split.features
        ):
            edit = file.feature(index).delete("presence")
            yield _anomaly(
                "SCHEMA_MISSING_COLUMN", split, "no such column", "a column of this name", edit, feature=feature.name
            )
    known = {feature.name for feature in file.proto.feature}
    for view in split.features.values():
        if view.name not in known and GIVEN not in view.name:  # another label is an anomaly of the label
            new = f"name: {quoted(view.name)} type: {WRITTEN[view.type]}"
            edit = file.whole.append_text(f"feature {{ {new} }}")
            seen = f"a column of type {view.type}"
            yield _anomaly("SCHEMA_NEW_COLUMN", split, seen, "no such column", edit, "warning", view.name)


def is_used(feature: schema_pb2.Feature) -> bool:
    """Whether a feature counts: drafts and leftovers are listed but not held to anything."""
    unused = (
        schema_pb2.PLANNED,
        schema_pb2.ALPHA,
        schema_pb2.DEPRECATED,
        schema_pb2.DEBUG_ONLY,
        schema_pb2.DISABLED,
    )
    return not feature.deprecated and feature.lifecycle_stage not in unused


def applies(schema: schema_pb2.Schema, feature: schema_pb2.Feature, split: str) -> bool:
    """Whether a split needs the feature: a schema's environments are our splits."""
    if split in feature.not_in_environment:
        return False
    return split in feature.in_environment or not schema.default_environment or split in schema.default_environment


def _bounds(file: SchemaText, split: SplitView, stated: schema_pb2.DatasetConstraints) -> Iterator[Anomaly]:
    if split.rows < stated.min_examples_count:
        edit = file.whole.write("dataset_constraints.min_examples_count", str(split.rows))
        expected = f"at least {stated.min_examples_count:,}"
        yield _anomaly("DATASET_LOW_NUM_EXAMPLES", split, f"{split.rows:,} rows", expected, edit)
    if stated.HasField("max_examples_count") and split.rows > stated.max_examples_count:
        edit = file.whole.write("dataset_constraints.max_examples_count", str(split.rows))
        expected = f"at most {stated.max_examples_count:,}"
        yield _anomaly("DATASET_HIGH_NUM_EXAMPLES", split, f"{split.rows:,} rows", expected, edit)


def _growth(file: SchemaText, split: SplitView, before: SplitView, comparator: str) -> Iterator[Anomaly]:
    stated = getattr(file.proto.dataset_constraints, comparator)
    ratio = split.rows / before.rows
    path = f"dataset_constraints.{comparator}"
    seen = f"{split.rows:,} rows where the reference has {before.rows:,}"
    if ratio < stated.min_fraction_threshold:
        edit = file.whole.write(f"{path}.min_fraction_threshold", f"{math.floor(ratio * 1e4) / 1e4:g}")
        expected = f"at least {stated.min_fraction_threshold:g} times as many"
        yield _anomaly("COMPARATOR_LOW_NUM_EXAMPLES", split, seen, expected, edit)
    if stated.HasField("max_fraction_threshold") and ratio > stated.max_fraction_threshold:
        edit = file.whole.write(f"{path}.max_fraction_threshold", f"{math.ceil(ratio * 1e4) / 1e4:g}")
        expected = f"at most {stated.max_fraction_threshold:g} times as many"
        yield _anomaly("COMPARATOR_HIGH_NUM_EXAMPLES", split, seen, expected, edit)


def _anomaly(
    name: str, split: SplitView, seen: str, expected: str, edit: str, severity: Severity = "error", feature: str = ""
) -> Anomaly:
    return Anomaly(
        name=name, feature=feature, split=split.name, severity=severity, seen=seen, expected=expected, edit=edit
    )

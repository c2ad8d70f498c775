"""Statistics held against a schema: what is wrong, what was expected, and which line of the schema to edit."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from tensorflow_metadata.proto.v0 import anomalies_pb2

from models.validation.case import TRAIN, Case
from models.validation.comparators import Comparison, Kind, compare, control_split
from models.validation.domains import domains
from models.validation.lines import SchemaText
from models.validation.presence import presence, unique, values
from models.validation.schema import SCHEMA, check_schema, is_sound
from models.validation.sizes import applies, columns, is_used, rows
from models.validation.text import texts, unchecked
from models.validation.types import types
from models.validation.view import SplitView
from schemas.reports import AnomaliesReport, Anomaly, Distance

Level = Literal["error", "warning", "off"]
RULES = (presence, values, unique, domains, texts, unchecked)


def anomaly_names() -> list[str]:
    """Every name an anomaly may have."""
    return list(anomalies_pb2.AnomalyInfo.Type.keys())


def validate(
    splits: dict[str, SplitView],
    file: SchemaText,
    reference: dict[str, SplitView] | None = None,
    levels: Mapping[str, Level] | None = None,
) -> AnomaliesReport:
    """Hold every split against the schema and measure all distances that it asks for.

    Args:
        splits: statistics by split.
        file: the schema.
        reference: statistics to measure drift against; without them there is no drift.
        levels: severity by name of anomaly, where it is to be another than the usual one; `off` leaves it out.

    Returns:
        Errors first, then by place in the data. Distances in the order of the schema.
    """
    anomalies = [*check_schema(file), *_splits(splits, file, reference or {})]
    distances: list[Distance] = []
    for comparison in _comparisons(splits, file, reference or {}):
        measured, found = compare(comparison)
        distances += measured
        anomalies += found
    levelled = _levelled(anomalies, levels or {})
    return AnomaliesReport(anomalies=sorted(levelled, key=_order(splits)), distances=distances)


def _splits(splits: dict[str, SplitView], file: SchemaText, reference: dict[str, SplitView]) -> Iterator[Anomaly]:
    sound = is_sound(file)
    for split in splits.values():
        yield from rows(file, split, reference.get(split.name))
        if not split.rows:
            continue
        yield from columns(file, split)
        for index, feature in enumerate(file.proto.feature):
            used = index in sound and is_used(feature) and applies(file.proto, feature, split.name)
            if used and feature.name in split.features:
                view = split.features[feature.name]
                yield from _feature(Case(feature, file.feature(index), file.proto, view, split.name, splits))


def _feature(case: Case) -> Iterator[Anomaly]:
    """What is wrong with one feature; of values of another type nothing more is said."""
    wrong = list(types(case))
    yield from wrong
    if not wrong:
        for rule in RULES:
            yield from rule(case)


def _comparisons(
    splits: dict[str, SplitView], file: SchemaText, reference: dict[str, SplitView]
) -> Iterator[Comparison]:
    kinds: list[Kind] = ["drift", "skew"] if reference else ["skew"]
    for index, feature in enumerate(file.proto.feature):
        for kind in kinds:
            for split in splits.values():
                control = control_split(kind, split.name, splits, reference)
                if not split.rows or not is_used(feature) or not applies(file.proto, feature, split.name):
                    continue
                if kind == "skew" and split.name == TRAIN:
                    continue
                yield Comparison(
                    feature,
                    file.feature(index),
                    kind,
                    split.name,
                    control.features.get(feature.name) if control is not None else None,
                    split.features.get(feature.name),
                )


def _levelled(anomalies: list[Anomaly], levels: Mapping[str, Level]) -> Iterator[Anomaly]:
    for anomaly in anomalies:
        level = levels.get(anomaly.name, anomaly.severity)
        if level != "off":
            yield anomaly.model_copy(update={"severity": level})


def _order(splits: dict[str, SplitView]) -> Callable[[Anomaly], tuple[bool, int, str, str]]:
    places = [SCHEMA, *splits]
    return lambda anomaly: (
        anomaly.severity != "error",
        places.index(anomaly.split),
        anomaly.feature,
        anomaly.name,
    )

"""Is a feature there, in enough rows, with as many values as the schema says?"""

import math
from collections.abc import Iterator

from models.validation.case import (
    CHANCE,
    EXPLAINED,
    TRAIN,
    Case,
    left_out_by_chance,
    number,
    so_few_by_chance,
    some,
)
from schemas.reports import Anomaly


def presence(case: Case) -> Iterator[Anomaly]:
    """How many rows have the feature. A share that is low by chance alone is a warning."""
    stated, view = case.feature.presence, case.view
    if view.present == 0:
        if stated.min_fraction > 0 or stated.min_count > 0:
            yield case.anomaly(
                "FEATURE_TYPE_NOT_PRESENT",
                f"in none of {view.rows:,} rows",
                _expected(case),
                case.place.delete("presence"),
            )
        return
    if view.fraction < stated.min_fraction:
        by_chance = stated.min_fraction < 1 and _luck(case) > CHANCE
        yield case.anomaly(
            "FEATURE_TYPE_LOW_FRACTION_PRESENT",
            f"in {view.fraction:.2%} of {view.rows:,} rows" + (EXPLAINED if by_chance else ""),
            f"in at least {stated.min_fraction:.2%}",
            case.place.write("presence.min_fraction", f"{math.floor(view.fraction * 1e4) / 1e4:g}"),
            "warning" if by_chance else "error",
        )
    if view.present < stated.min_count:
        yield case.anomaly(
            "FEATURE_TYPE_LOW_NUMBER_PRESENT",
            f"in {view.present:,} rows",
            f"in at least {stated.min_count:,}",
            case.place.write("presence.min_count", str(view.present)),
        )


def values(case: Case) -> Iterator[Anomaly]:
    """How many values a row has."""
    if case.view.present == 0:
        return
    if case.feature.HasField("shape"):
        yield from _shape(case)
    stated = case.feature.value_count
    least, most = case.view.common.min_num_values, case.view.common.max_num_values
    if most == 0 and stated.min > 0:
        yield case.anomaly(
            "FEATURE_TYPE_NO_VALUES",
            "nothing but empty lists",
            f"at least {stated.min} value in a row",
            case.place.write("value_count.min", "0"),
        )
    elif least < stated.min:
        yield case.anomaly(
            "FEATURE_TYPE_LOW_NUMBER_VALUES",
            f"a row with {least} values",
            f"at least {stated.min}",
            case.place.write("value_count.min", str(least)),
        )
    if stated.HasField("max") and most > stated.max:
        repeated = stated.max == 1
        yield case.anomaly(
            "FEATURE_TYPE_UNEXPECTED_REPEATED" if repeated else "FEATURE_TYPE_HIGH_NUMBER_VALUES",
            f"a row with {most} values",
            "one value in a row" if repeated else f"at most {stated.max}",
            case.place.write("value_count.max", str(most)),
        )


def unique(case: Case) -> Iterator[Anomaly]:
    """How many different values there are. A split too small for every value to occur in it gets a warning."""
    if not case.feature.HasField("unique_constraints"):
        return
    stated, found = case.feature.unique_constraints, case.view.unique
    if found is None:
        yield case.anomaly(
            "FEATURE_TYPE_NO_UNIQUE",
            f"values of type {case.view.type}, whose different ones are not counted",
            "strings",
            case.place.delete("unique_constraints"),
        )
        return
    if found < stated.min:
        gone = _gone(case)
        by_chance = _too_small(case, gone)
        lacks = f"; it lacks {some(gone)}" if gone else ""
        yield case.anomaly(
            "FEATURE_TYPE_LOW_UNIQUE",
            f"{found:,} different values{lacks}" + (EXPLAINED if by_chance else ""),
            f"at least {stated.min:,}",
            case.place.write("unique_constraints.min", str(found)),
            "warning" if by_chance else "error",
        )
    if stated.HasField("max") and found > stated.max:
        yield case.anomaly(
            "FEATURE_TYPE_HIGH_UNIQUE",
            f"{found:,} different values",
            f"at most {stated.max:,}",
            case.place.write("unique_constraints.max", str(found)),
        )


def _expected(case: Case) -> str:
    stated = case.feature.presence
    return f"in at least {stated.min_fraction:.2%}" if stated.min_fraction else f"in at least {stated.min_count:,}"


def _luck(case: Case) -> float:
    return so_few_by_chance(case.view.present, case.view.rows, case.feature.presence.min_fraction)


def _shape(case: Case) -> Iterator[Anomaly]:
    size = math.prod(dim.size for dim in case.feature.shape.dim)
    common = case.view.common
    if common.min_num_values != size or common.max_num_values != size or case.view.present < case.view.rows:
        yield case.anomaly(
            "INVALID_FEATURE_SHAPE",
            f"{common.min_num_values} to {common.max_num_values} values in a row, {number(case.view.present)} rows of "
            f"{number(case.view.rows)}",
            f"{size} in every row",
            case.place.delete("shape"),
        )


def _gone(case: Case) -> list[str]:
    """Values that train has and this split does not, the most frequent first."""
    trained = _trained(case)
    return sorted(trained.keys() - case.view.counts.keys(), key=lambda value: (-trained[value], value))


def _too_small(case: Case, gone: list[str]) -> bool:
    """Whether the split may lack those values because it is small."""
    trained = _trained(case)
    total = sum(trained.values())
    # The most frequent one is the least likely to be left out.
    return bool(gone) and left_out_by_chance(case.view.present, trained[gone[0]] / total, len(trained)) > CHANCE


def _trained(case: Case) -> dict[str, float]:
    train = case.splits.get(TRAIN)
    if case.split == TRAIN or train is None or case.feature.name not in train.features:
        return {}
    return train.features[case.feature.name].counts

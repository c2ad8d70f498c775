"""Do the values lie in the domain that the schema gives them?"""

import math
from collections.abc import Callable, Iterator

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from models.validation.case import (
    CHANCE,
    EXPLAINED,
    TRAIN,
    Case,
    left_out_by_chance,
    number,
    share_of_rows,
    so_few_by_chance,
    some,
)
from models.validation.lines import quoted
from schemas.reports import Anomaly

MOST_NAMED = 10  # of more unexpected values the edit does not list each


def domains(case: Case) -> Iterator[Anomaly]:
    """Hold the values against the domain, whichever kind it is."""
    if case.view.present == 0:
        return
    kind = case.feature.WhichOneof("domain_info")
    rules: dict[str, Callable[[Case], Iterator[Anomaly]]] = {
        "domain": strings,
        "string_domain": strings,
        "int_domain": integers,
        "float_domain": floats,
        "bool_domain": booleans,
    }
    if kind in rules:
        yield from rules[kind](case)


def strings(case: Case) -> Iterator[Anomaly]:
    """Only listed values, but for a share that min_domain_mass leaves.

    In eval and test a value that train does not have is an error too, unless it is so rare that a random split may
    have left it out of train: then nobody did anything wrong and it is a warning.
    """
    assert case.view.strings is not None
    if case.view.strings.invalid_utf8_count:
        yield case.anomaly(
            "ENUM_TYPE_INVALID_UTF8",
            f"{case.view.strings.invalid_utf8_count:,} values that are not UTF-8",
            "UTF-8",
            case.place.delete(case.feature.WhichOneof("domain_info") or ""),
        )
    listed = set(_listed(case))
    unexpected = {value: count for value, count in case.view.counts.items() if value not in listed}
    outside = sum(unexpected.values())
    least = case.feature.distribution_constraints.min_domain_mass  # 1 where nothing is stated
    inside = 1 - outside / max(1.0, case.view.total)
    if unexpected and inside < least:
        if least == 1:
            by_chance = _left_out(case, unexpected)
        else:
            by_chance = so_few_by_chance(int(case.view.total - outside), int(case.view.total), least) > CHANCE
        names = sorted(unexpected, key=lambda value: (-unexpected[value], value))
        yield case.anomaly(
            "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
            f"{some(names)} in {outside:,.0f} of {case.view.total:,.0f} values" + (EXPLAINED if by_chance else ""),
            f"one of {some(sorted(listed))}" + (f" in at least {least:.2%}" if least < 1 else ""),
            _allow(case, names, inside),
            "warning" if by_chance else "error",
        )
    yield from _not_trained(case, listed)


def integers(case: Case) -> Iterator[Anomaly]:
    """Bounds of whole numbers, which may be written as strings."""
    stated, view = case.feature.int_domain, case.view
    if view.numbers is None:
        yield from _unreadable(case, int, "INT_TYPE_NOT_INT_STRING", "whole numbers")
        return
    low, high = view.numbers.min, view.numbers.max
    if stated.HasField("min") and low < stated.min:
        edit = case.place.write("int_domain.min", f"{low:.0f}")
        yield case.anomaly("INT_TYPE_SMALL_INT", f"{low:,.0f}", f"at least {stated.min:,}", edit)
    if stated.HasField("max") and high > stated.max:
        edit = case.place.write("int_domain.max", f"{high:.0f}")
        yield case.anomaly("INT_TYPE_BIG_INT", f"{high:,.0f}", f"at most {stated.max:,}", edit)


def floats(case: Case) -> Iterator[Anomaly]:
    """Bounds of numbers, which may be written as strings; NaN and infinity."""
    stated, view = case.feature.float_domain, case.view
    if view.numbers is None:
        yield from _unreadable(case, float, "FLOAT_TYPE_STRING_NOT_FLOAT", "numbers")
        return
    if stated.disallow_nan and view.nans:
        edit = case.place.write("float_domain.disallow_nan", "false")
        yield case.anomaly("FLOAT_TYPE_HAS_NAN", f"{view.nans:,} values that are not a number", "none", edit)
    if stated.disallow_inf and view.infinite:
        edit = case.place.write("float_domain.disallow_inf", "false")
        yield case.anomaly("FLOAT_TYPE_HAS_INF", "infinite values", "finite ones", edit)
    # The schema's bounds are 32-bit: 0.1 there is 0.1 here only after rounding.
    low, high = np.float32(view.numbers.min), np.float32(view.numbers.max)
    if stated.HasField("min") and low < np.float32(stated.min):
        edit = case.place.write("float_domain.min", str(low))
        yield case.anomaly("FLOAT_TYPE_SMALL_FLOAT", number(float(low)), f"at least {number(stated.min)}", edit)
    if stated.HasField("max") and high > np.float32(stated.max):
        edit = case.place.write("float_domain.max", str(high))
        yield case.anomaly("FLOAT_TYPE_BIG_FLOAT", number(float(high)), f"at most {number(stated.max)}", edit)


def booleans(case: Case) -> Iterator[Anomaly]:
    """Two values: 0 and 1, or the two strings that the schema names."""
    stated, view = case.feature.bool_domain, case.view
    edit = case.place.delete("bool_domain")
    if view.numbers is None:
        unexpected = sorted(view.counts.keys() - {stated.true_value, stated.false_value})
        if unexpected:
            expected = some([stated.true_value, stated.false_value])
            yield case.anomaly("BOOL_TYPE_UNEXPECTED_STRING", some(unexpected), expected, edit)
        return
    low, high = view.numbers.min, view.numbers.max
    if view.type == "INT" and high > 1:
        yield case.anomaly("BOOL_TYPE_BIG_INT", number(high), "0 or 1", edit)
    if view.type == "INT" and low < 0:
        yield case.anomaly("BOOL_TYPE_SMALL_INT", number(low), "0 or 1", edit)
    if view.type == "FLOAT" and not _zeros_and_ones(case):
        yield case.anomaly("BOOL_TYPE_UNEXPECTED_FLOAT", f"{number(low)} to {number(high)}", "0 or 1", edit)


def domain_of(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> schema_pb2.StringDomain | None:
    """The listed values, which may stand beside the features under a name."""
    if feature.WhichOneof("domain_info") == "string_domain":
        return feature.string_domain
    return next((domain for domain in schema.string_domain if domain.name == feature.domain), None)


def _listed(case: Case) -> list[str]:
    domain = domain_of(case.schema, case.feature)
    return list(domain.value) if domain is not None else []


def _allow(case: Case, names: list[str], inside: float) -> str:
    """List the values, or lower the bar where there are too many."""
    if len(names) > MOST_NAMED:
        share = f"{math.floor(inside * 1e4) / 1e4:g}"
        return case.place.write("distribution_constraints.min_domain_mass", share)
    values = [quoted(name) for name in names]
    if case.feature.WhichOneof("domain_info") == "string_domain":
        return case.place.append("string_domain.value", values)
    index = next(i for i, domain in enumerate(case.schema.string_domain) if domain.name == case.feature.domain)
    return case.place.file.block("string_domain", index).append("value", values)


def _left_out(case: Case, unexpected: dict[str, float]) -> bool:
    """Whether a random split may have left all of these values out of train."""
    train = case.splits.get(TRAIN)
    if case.split == TRAIN or train is None or case.feature.name not in train.features:
        return False
    known = train.features[case.feature.name].counts
    share = share_of_rows(case.splits, TRAIN)
    others = [
        split.features[case.feature.name].counts
        for split in case.splits.values()
        if case.feature.name in split.features
    ]
    rows = [sum(counts.get(value, 0) for counts in others) for value in unexpected]
    values = len(known | unexpected)
    return not known.keys() & unexpected.keys() and left_out_by_chance(max(rows), share, values) > CHANCE


def _not_trained(case: Case, listed: set[str]) -> Iterator[Anomaly]:
    """Labels that the schema allows but train does not have: a model cannot learn them."""
    train = case.splits.get(TRAIN)
    if case.feature.name != "label" or case.split == TRAIN or train is None or "label" not in train.features:
        return
    trained = train.features["label"]
    unseen = {v: count for v, count in case.view.counts.items() if v in listed and v not in trained.counts}
    if unseen and trained.lists_all:
        names = sorted(unseen, key=lambda value: (-unseen[value], value))
        by_chance = _left_out(case, unseen)
        yield case.anomaly(
            "SCHEMA_TRAINING_SERVING_SKEW",
            f"{some(names)} in {sum(unseen.values()):,.0f} rows" + (EXPLAINED if by_chance else ""),
            "labels that train has too",
            "none: give train rows of these labels, or take them out of this split",
            "warning" if by_chance else "error",
        )


def _unreadable(case: Case, read: Callable[[str], object], name: str, expected: str) -> Iterator[Anomaly]:
    """Values among those listed that are no numbers."""
    wrong = [value for value in case.view.counts if not _reads(read, value)]
    if wrong:
        edit = case.place.delete(case.feature.WhichOneof("domain_info") or "")
        yield case.anomaly(name, some(sorted(wrong)), expected + " written as strings", edit)


def _reads(read: Callable[[str], object], value: str) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return True


def _zeros_and_ones(case: Case) -> bool:
    """Whether no value lies elsewhere, as far as the histograms tell."""
    assert case.view.numbers is not None
    numbers = case.view.numbers
    if numbers.min < 0 or numbers.max > 1 or {numbers.min, numbers.max} - {0.0, 1.0}:
        return False
    # Of zeros and ones alone, the variance is m (1 - m).
    return math.isclose(numbers.std_dev**2, numbers.mean * (1 - numbers.mean), rel_tol=1e-3, abs_tol=1e-9)

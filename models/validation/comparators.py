"""Drift against a reference and skew between splits, feature by feature."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2

from models.validation.case import TRAIN, Severity
from models.validation.distances import Measured, compare_counts, compare_quantiles
from models.validation.lines import Block
from models.validation.view import FeatureView, SplitView
from schemas.reports import Anomaly, Distance

Kind = Literal["drift", "skew"]
FIELDS = {"jensen_shannon": "jensen_shannon_divergence", "l_infinity": "infinity_norm"}
NAMES = {"jensen_shannon": "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "l_infinity": "COMPARATOR_L_INFTY_HIGH"}
CONTROLS = {"drift": "the reference", "skew": "the train split"}


@dataclass(frozen=True)
class Comparison:
    """A feature of a split (the treatment) and the same feature of what it is compared with (the control)."""

    feature: schema_pb2.Feature
    place: Block
    kind: Kind
    split: str
    control: FeatureView | None
    treatment: FeatureView | None

    @property
    def stated(self) -> dict[str, float]:
        """Thresholds by measure."""
        comparator = getattr(self.feature, f"{self.kind}_comparator")
        return {
            measure: getattr(comparator, field).threshold
            for measure, field in FIELDS.items()
            if comparator.HasField(field)
        }


def control_split(
    kind: Kind, split: str, splits: dict[str, SplitView], reference: dict[str, SplitView]
) -> SplitView | None:
    """What a split is compared with: its namesake in the reference (or train there), or our train split."""
    if kind == "drift":
        return reference.get(split) or reference.get(TRAIN)
    return splits.get(TRAIN) if split != TRAIN else None


def compare(comparison: Comparison) -> tuple[list[Distance], list[Anomaly]]:
    """Every distance that the schema asks for, and an anomaly for each that is too large to be chance."""
    if not comparison.stated:
        return [], []
    missing = list(_missing(comparison))
    if missing:
        return [], missing
    assert comparison.control is not None and comparison.treatment is not None
    measured = _measure(comparison.control, comparison.treatment)
    if measured is None:
        return [], [_not_comparable(comparison)]
    distances = [
        Distance(
            feature=comparison.feature.name,
            kind=comparison.kind,
            split=comparison.split,
            measure=measure,  # type: ignore[arg-type]
            value=round(measured[measure].value, 6),
            allowance=round(measured[measure].allowance, 6),
            threshold=threshold,
        )
        for measure, threshold in comparison.stated.items()
        if measure in measured
    ]
    return distances, [_too_far(comparison, distance) for distance in distances if is_too_far(distance)]


def is_too_far(distance: Distance) -> bool:
    """Whether a distance exceeds its threshold by more than chance; see `distances.py` for why it is the sum."""
    return distance.value > distance.threshold + distance.allowance


def _measure(control: FeatureView, treatment: FeatureView) -> dict[str, Measured] | None:
    if control.strings is not None and treatment.strings is not None:
        return (
            compare_counts(control.as_counts(), treatment.as_counts()) if control.counts and treatment.counts else None
        )
    first, second = control.as_quantiles(), treatment.as_quantiles()
    return {"jensen_shannon": compare_quantiles(first, second)} if first is not None and second is not None else None


def _missing(comparison: Comparison) -> Iterator[Anomaly]:
    """A side without the feature. A split that should have it and does not is reported elsewhere as an error."""
    control = CONTROLS[comparison.kind]
    if comparison.control is None or not comparison.control.present:
        seen = f"nothing of this feature in {control}"
        yield _anomaly(comparison, "COMPARATOR_CONTROL_DATA_MISSING", seen, _delete(comparison))
    elif comparison.treatment is None or not comparison.treatment.present:
        yield _anomaly(comparison, "COMPARATOR_TREATMENT_DATA_MISSING", "nothing of this feature", _delete(comparison))


def _not_comparable(comparison: Comparison) -> Anomaly:
    seen = "statistics without a list of values or a histogram"
    return _anomaly(comparison, "STATS_NOT_AVAILABLE", seen, _delete(comparison))


def _too_far(comparison: Comparison, distance: Distance) -> Anomaly:
    least = math.ceil((distance.value - distance.allowance) * 1e4 + 1e-6) / 1e4
    path = f"{comparison.kind}_comparator.{FIELDS[distance.measure]}.threshold"
    return Anomaly(
        name=NAMES[distance.measure],
        feature=comparison.feature.name,
        split=comparison.split,
        severity="error",
        seen=f"{distance.value:.4f} from {CONTROLS[comparison.kind]}{_example(comparison, distance)}",
        expected=f"at most {distance.threshold:g} and {distance.allowance:.4f} for chance",
        edit=comparison.place.write(path, f"{least:g}"),
    )


def _example(comparison: Comparison, distance: Distance) -> str:
    """Which value moved most, for people."""
    control, treatment = comparison.control, comparison.treatment
    assert control is not None and treatment is not None
    if control.strings is None:
        if control.numbers is None or treatment.numbers is None:
            return ""
        return f" (median {control.numbers.median:.4g} there, {treatment.numbers.median:.4g} here)"
    shares = {
        value: (control.counts.get(value, 0) / control.total, treatment.counts.get(value, 0) / treatment.total)
        for value in control.counts.keys() | treatment.counts.keys()
    }
    value = max(sorted(shares), key=lambda value: round(abs(shares[value][0] - shares[value][1]), 9))
    return f" (most of all '{value}': {shares[value][0]:.2%} there, {shares[value][1]:.2%} here)"


def _delete(comparison: Comparison) -> str:
    return comparison.place.delete(f"{comparison.kind}_comparator")


def _anomaly(comparison: Comparison, name: str, seen: str, edit: str) -> Anomaly:
    severity: Severity = "warning"
    return Anomaly(
        name=name,
        feature=comparison.feature.name,
        split=comparison.split,
        severity=severity,
        seen=seen,
        expected=f"data to compare with {CONTROLS[comparison.kind]}",
        edit=edit,
    )

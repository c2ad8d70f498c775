"""What a rule of validation sees, and how it says what is wrong."""

from dataclasses import dataclass
from typing import Literal

from scipy import special
from tensorflow_metadata.proto.v0 import schema_pb2

from models.validation.lines import Block
from models.validation.view import FeatureView, SplitView
from schemas.reports import Anomaly

CHANCE = 1e-3  # what happens by chance more rarely than this is not put down to chance
EXPLAINED = ", which chance explains"
TRAIN = "train"
Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Case:
    """One feature of the schema and what a split has of it.

    Args:
        feature: what the schema states.
        place: where it stands in the file.
        schema: the whole schema, for domains that several features share.
        view: what the split has.
        split: its name.
        splits: all of them, for what only a comparison can tell.
    """

    feature: schema_pb2.Feature
    place: Block
    schema: schema_pb2.Schema
    view: FeatureView
    split: str
    splits: dict[str, SplitView]

    def anomaly(self, name: str, seen: str, expected: str, edit: str, severity: Severity = "error") -> Anomaly:
        """Say that data and schema disagree.

        A broken statement of the schema is an error. A warning is what chance explains, what the schema says nothing
        about, and what could not be checked.
        """
        return Anomaly(
            name=name,
            feature=self.feature.name,
            split=self.split,
            severity=severity,
            seen=seen,
            expected=expected,
            edit=edit,
        )


def left_out_by_chance(rows: float, share: float, values: int) -> float:
    """Bound of the probability that independent draws leave out one of several things.

    Args:
        rows: draws.
        share: with which each would hit.
        values: how many things could be left out.

    >>> left_out_by_chance(2, 0.8, 3), left_out_by_chance(20, 0.8, 3) < 1e-12
    (0.12, True)
    """
    return round(min(1.0, values * (1 - share) ** rows), 15)


def so_few_by_chance(hits: int, trials: int, share: float) -> float:
    """Probability of at most so many hits if each trial hits with the probability `share`.

    >>> round(so_few_by_chance(8, 20, 0.5), 4)
    0.2517
    """
    return float(special.bdtr(hits, trials, share))


def share_of_rows(splits: dict[str, SplitView], part: str) -> float:
    """Share of all rows that are in a split."""
    rows = {name: split.rows for name, split in splits.items()}
    return rows.get(part, 0) / max(1, sum(rows.values()))


def some(values: list[str], most: int = 5) -> str:
    """The first values, for people.

    >>> some(["a", "b"], most=1)
    "'a' and 1 more"
    """
    shown = ", ".join(f"'{_short(value)}'" for value in values[:most])
    return shown + (f" and {len(values) - most:,} more" if len(values) > most else "")


def number(value: float) -> str:
    """A number for people.

    >>> number(1234567.0), number(0.123456), number(3.0)
    ('1,234,567', '0.1235', '3')
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def _short(value: str) -> str:
    return value if len(value) <= 40 else value[:39] + "…"

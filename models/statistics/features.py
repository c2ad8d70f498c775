"""What is known of one feature after some rows: mergeable, and the same for any order of rows and merges."""

import math
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.ingest.identity import keys_of
from models.statistics.counts import ALWAYS, Counts, levels
from models.statistics.distinct import Distinct, Estimate
from models.statistics.scripts import SCRIPTS, count_scripts
from models.statistics.sums import Moments

Bound = TypeVar("Bound", int | None, float | None)


@dataclass
class Presence:
    """Rows with and without the feature, and how many values they have."""

    present: int = 0
    missing: int = 0
    values: int = 0
    least: int | None = None
    most: int = 0

    def add(self, missing: int, lengths: np.ndarray) -> None:
        """See rows: `missing` ones, and others with `lengths` values each, int [n]."""
        self.missing += missing
        if len(lengths):
            self.present += len(lengths)
            self.values += int(lengths.sum())
            self.least = _least(self.least, int(lengths.min()))
            self.most = max(self.most, int(lengths.max()))

    def merge(self, other: "Presence") -> None:
        """Add what another has seen."""
        self.present += other.present
        self.missing += other.missing
        self.values += other.values
        self.least = _least(self.least, other.least)
        self.most = max(self.most, other.most)


@dataclass
class Numbers:
    """A number per row: a numeric column, a weight, the length of a text."""

    presence: Presence = field(default_factory=Presence)
    counts: Counts = field(default_factory=Counts)
    moments: Moments = field(default_factory=Moments)
    zeros: int = 0
    nans: int = 0
    infinite: int = 0
    least: float | None = None
    most: float | None = None

    def add(self, values: np.ndarray, keys: np.ndarray, *, missing: int = 0) -> None:
        """See rows: `missing` ones, and others with these values, float64 [n], and keys, uint64 [n]."""
        self.presence.add(missing, np.ones(len(values), np.int64))
        is_finite = np.isfinite(values)
        self.nans += int(np.isnan(values).sum())
        self.infinite += int(np.isinf(values).sum())
        finite = values[is_finite] + 0.0  # -0.0 becomes 0.0
        if len(finite):
            self.zeros += int(np.sum(finite == 0))
            self.moments.add(finite)
            self.counts.add(pa.array(finite), levels(keys[is_finite]))
            self.least = _least(self.least, float(finite.min()))
            self.most = _most(self.most, float(finite.max()))

    def merge(self, other: "Numbers") -> None:
        """Add what others have seen."""
        self.presence.merge(other.presence)
        self.counts.merge(other.counts)
        self.moments.merge(other.moments)
        self.zeros += other.zeros
        self.nans += other.nans
        self.infinite += other.infinite
        self.least = _least(self.least, other.least)
        self.most = _most(self.most, other.most)


@dataclass
class Strings:
    """Any number of names per row: a label, a category, the tokens of a text."""

    presence: Presence = field(default_factory=Presence)
    counts: Counts = field(default_factory=Counts)
    lengths: Counts = field(default_factory=Counts)
    distinct: Distinct = field(default_factory=Distinct)
    characters: int = 0

    def add(
        self, values: pa.Array, lengths: np.ndarray, keys: np.ndarray, *, missing: int = 0, is_list: bool = False
    ) -> None:
        """See rows: `missing` ones, and others with these values.

        Args:
            values: strings [sum of lengths], without nulls.
            lengths: int [n], the number of values of each row.
            keys: uint64 [n], of the rows.
            missing: further rows that have no value.
            is_list: keep the distribution of `lengths`.
        """
        self.presence.add(missing, lengths)
        self.characters += pc.sum(pc.utf8_length(values)).as_py() or 0
        encoded = values.dictionary_encode()
        self.distinct.add(encoded.dictionary.to_pylist())
        self.counts.add(encoded, levels(keys, lengths))
        if is_list:
            self.lengths.add(pa.array(lengths.astype(np.float64)), levels(keys))

    def add_counted(
        self, values: pa.Array, counts: np.ndarray, lengths: np.ndarray, keys: np.ndarray, *, missing: int = 0
    ) -> None:
        """See rows whose values, all out of one bounded vocabulary, are counted already: strings [m], int [m]."""
        self.presence.add(missing, lengths)
        self.characters += int(np.sum(pc.utf8_length(values).to_numpy() * counts))
        self.counts.add(values, np.full(len(values), ALWAYS, np.uint8), counts)
        self.lengths.add(pa.array(lengths.astype(np.float64)), levels(keys))

    def merge(self, other: "Strings") -> None:
        """Add what others have seen."""
        self.presence.merge(other.presence)
        self.counts.merge(other.counts)
        self.lengths.merge(other.lengths)
        self.distinct.merge(other.distinct)
        self.characters += other.characters

    def unique(self) -> Estimate:
        """How many different strings: exact as long as `counts` are."""
        if self.counts.rate < 1:
            return self.distinct.estimate().at_most(self.presence.values)
        return Estimate.exact(len(self.counts.result()[0]))


@dataclass
class Names:
    """A string per row that hardly comes twice, so that a list of top values tells nothing: an id, an original text."""

    presence: Presence = field(default_factory=Presence)
    distinct: Distinct = field(default_factory=Distinct)
    characters: int = 0

    def add(self, values: pa.Array, *, missing: int = 0) -> None:
        """See rows: `missing` ones, and others with these values, strings [n] without nulls."""
        self._add(values, values.to_pylist(), missing)

    def merge(self, other: "Names") -> None:
        """Add what others have seen."""
        self.presence.merge(other.presence)
        self.distinct.merge(other.distinct)
        self.characters += other.characters

    def unique(self) -> Estimate:
        """How many different strings."""
        return self.distinct.estimate().at_most(self.presence.values)

    def _add(self, values: pa.Array, names: list[str] | list[int], missing: int) -> None:
        self.presence.add(missing, np.ones(len(values), np.int64))
        self.distinct.add(names)
        self.characters += pc.sum(pc.utf8_length(values)).as_py() or 0


@dataclass
class Texts(Names):
    """A text per row: as names, and which of them come twice, and in what scripts they are."""

    repeats: Counts = field(default_factory=Counts)
    scripts: np.ndarray = field(default_factory=lambda: np.zeros(len(SCRIPTS), np.int64))

    def add(self, values: pa.Array, *, missing: int = 0) -> None:
        """See rows: `missing` ones, and others with these texts, strings [n] without nulls."""
        keys = keys_of(values)
        self._add(values, keys.view(np.int64).tolist(), missing)
        self.repeats.add(pa.array(keys), levels(keys))
        self.scripts = self.scripts + count_scripts(values)

    def merge(self, other: Names) -> None:
        """Add what others have seen."""
        super().merge(other)
        if isinstance(other, Texts):
            self.repeats.merge(other.repeats)
            self.scripts = self.scripts + other.scripts

    def repeated(self) -> float:
        """How many rows have a text that another row has too; an estimate where `repeats.rate` is below 1."""
        _, counts = self.repeats.result()
        return repeated_rows(counts, self.repeats.rate, self.presence.present)


def repeated_rows(counts: np.ndarray, rate: float, rows: int) -> float:
    """Rows that share their text, guessed from a sample of the texts.

    Where the sample stands for as many rows as there are, the share of repeated rows in it is the best guess, and is
    0 where nothing comes twice. Where it does not, a text of very many rows was caught or missed; then the
    rows whose text comes once are counted, which does not depend on that, and the others are the rest.

    Args:
        counts: int [n], rows of each sampled text, n at least 1 unless there are no rows.
        rate: the share of all texts that were sampled.
        rows: how many there are.
    """
    single = int(np.sum(counts == 1))
    usual = np.minimum(counts, 8).astype(np.float64)  # texts that come more often would hide themselves in the noise
    noise = math.sqrt(float(np.sum(usual**2)) * (1 - rate)) / rate
    if abs(rows - counts.sum() / rate) <= 4 * noise:
        return rows * (1 - single / counts.sum()) if rows else 0.0
    return max(0.0, rows - single / rate)


Feature = Numbers | Strings | Names


def _least(a: Bound, b: Bound) -> Bound:
    return a if b is None else b if a is None else min(a, b)


def _most(a: Bound, b: Bound) -> Bound:
    return a if b is None else b if a is None else max(a, b)

"""Which column of a source plays which part. The scenario says it; nothing is guessed from samples."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.columns import Columns, LabelKind


@dataclass(frozen=True)
class Roles:
    """Names of the source's columns, by what they are to us.

    Args:
        text: the text; None for data with features alone.
        text_pair: the second sentence of a pair.
        label: () for unlabelled data, one name for a column with the label, several for indicator columns: each
            says with 0, 1, true or false whether the class it is named after applies (`label_kind` classes).
        label_kind: one class a record, several classes (from indicators, from a list, or from a string cut at
            `label_separator`), or a value to regress on.
        label_separator: cuts a string into classes, as "|" does in "sports|politics".
        weight: what a record counts in training, not negative.
        id: the record's own name; without one its content names it.
        group: records of one group go to the same split.
        split: says train, eval or test (see `readers.SPLIT_NAMES`).
        numeric: numeric features.
        categorical: categorical features.
        slices: columns to evaluate by; may have another role, too.
    """

    text: str | None = "text"
    text_pair: str | None = None
    label: tuple[str, ...] = ("label",)
    label_kind: LabelKind = "class"
    label_separator: str | None = None
    weight: str | None = None
    id: str | None = None
    group: str | None = None
    split: str | None = None
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()

    def columns(self) -> Columns:
        """The columns that Examples of such a source have."""
        return Columns(
            text=self.text is not None,
            text_pair=self.text_pair is not None,
            label=self.label_kind if self.label else None,
            weight=self.weight is not None,
            numeric=self.numeric,
            categorical=self.categorical,
            slices=self.slices,
        )

    @property
    def has_lists(self) -> bool:
        """Whether the label is one column that may hold several classes."""
        return self.label_kind == "classes" and len(self.label) == 1

    def named(self) -> Iterator[tuple[str, str]]:
        """Every (role, column) there is.

        >>> list(Roles(label=("spam", "rude"), label_kind="classes", slices=("country",)).named())
        [('text', 'text'), ('label', 'spam'), ('label', 'rude'), ('slices', 'country')]
        """
        for role in (
            "text",
            "text_pair",
            "label",
            "weight",
            "id",
            "group",
            "split",
            "numeric",
            "categorical",
            "slices",
        ):
            value = getattr(self, role)
            for column in (value,) if isinstance(value, str) else value or ():
                yield role, column

    def source_columns(self) -> list[str]:
        """The columns to read, each once.

        >>> Roles(slices=("label", "country")).source_columns()
        ['text', 'label', 'country']
        """
        return list(dict.fromkeys(column for _, column in self.named()))

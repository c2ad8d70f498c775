"""Which tokens the texts of each label have: a feature `text/token|label=<label>` beside `text/token`.

Shuffled labels leave the distribution of the labels and that of the tokens as they were. What changes is the tokens of
the texts with a given label: they become those of all texts.
"""

from collections.abc import Mapping

LABELS = 20
"""Most frequent labels that get features of their own, so that neither memory nor the schema grows with the labels."""

GIVEN = "|label="


def frequent(labels: Mapping[str, int]) -> tuple[str, ...]:
    """The labels that get features of their own, in alphabetical order.

    Args:
        labels: rows of each label.

    >>> frequent({"b": 7, "a": 2})
    ('a', 'b')
    """
    most = sorted(labels, key=lambda label: (-labels[label], label))[:LABELS]
    return tuple(sorted(most))


def given(label: str, text: str) -> str:
    """The name of the feature.

    >>> given("good", "text")
    'text/token|label=good'
    """
    return f"{text}/token{GIVEN}{label}"

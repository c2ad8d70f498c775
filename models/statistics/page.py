"""Statistics to look at: how many rows, how balanced, how long, which words, what is missing."""

from collections.abc import Iterator
from html import escape

from models.page import page, table
from models.statistics.charts import number, spark
from models.statistics.page_parts import (
    STYLE,
    Splits,
    about,
    chart,
    missing,
    of_each,
    percent,
    shares,
    split_name,
    spread,
)
from models.statistics.page_texts import UNITS, text_section
from models.statistics.report import FeatureReport, SplitReport, StatisticsReport, unknown_share
from schemas.columns import CATEGORICAL, SLICE

LISTED_LABELS, LISTED_VALUES = 50, 10
TEXTS = ("text", "text_pair")


def render(report: StatisticsReport) -> str:
    """The whole page."""
    splits = {name: split for name, split in report.splits.items() if split.rows}
    body = [_headline(report)]
    if splits:
        body += [
            _splits(splits),
            _labels(splits),
            *(text_section(splits, text) for text in TEXTS if of_each(splits, text)),
            _numbers(splits),
            _values(splits),
            _columns(splits),
        ]
    return page("Statistics of the examples", "\n".join(part for part in body if part), STYLE)


def _headline(report: StatisticsReport) -> str:
    rows = sum(split.rows for split in report.splits.values())
    facts = [(f"{rows:,}", "rows" if rows != 1 else "row")]
    train = report.splits.get("train")
    if train is not None:
        facts += _facts(train)
    boxes = "".join(f"<div><strong>{value}</strong>{meaning}</div>" for value, meaning in facts)
    empty = [name for name, split in report.splits.items() if not split.rows]
    note = f'<p class="soft">No rows: {escape(", ".join(empty))}.</p>' if empty else ""
    return f'<h1>Statistics of the examples</h1>\n<div class="headline">{boxes}</div>{note}'


def _facts(train: SplitReport) -> Iterator[tuple[str, str]]:
    """What the train split is like, in a few numbers."""
    label, text = train.find("label"), train.find("text")
    if label is not None and label.strings is not None:
        yield f"{label.strings.unique:,}", "labels"
    for unit in UNITS:
        lengths = train.find(f"text/{unit}")
        if lengths is not None and lengths.numbers is not None:
            yield number(lengths.numbers.median), f"{unit} in the median text"
            break
    if (unknown := unknown_share(train, "text")) is not None:
        yield percent(unknown), "unknown tokens"
    if text is not None and text.strings is not None and text.strings.duplicate_share is not None:
        share = percent(text.strings.duplicate_share)
        yield about(share, is_exact=text.sample_rate == 1), "of the train rows repeat a text"


def _splits(splits: Splits) -> str:
    total = sum(split.rows for split in splits.values())
    bar = "".join(
        f'<i class="{escape(name)}" style="width:{100 * split.rows / total:.2f}%"></i>'
        for name, split in splits.items()
    )
    legend = "".join(
        f'<span>{split_name(name)} <b>{split.rows:,}</b> <span class="soft">{percent(split.rows / total)}</span></span>'
        for name, split in splits.items()
    )
    return f'<h2>Rows per split</h2><div class="split">{bar}</div><p class="legend">{legend}</p>'


def _labels(splits: Splits) -> str:
    labels = of_each(splits, "label")
    if not labels:
        return ""
    if any(label.numbers is not None for label in labels.values()):
        return f"<h2>Label</h2>{chart(labels, 'label')}{spread(labels)}"
    several = any(label.most_values > 1 for label in labels.values())
    note = "Share of the rows of each split that carry the label." if several else "Share of the rows of each split."
    return f'<h2>Labels</h2><p class="soft">{note}</p>{shares(labels, LISTED_LABELS, "Label")}'


def _numbers(splits: Splits) -> str:
    rows = []
    for feature in next(iter(splits.values())).features:
        if feature.kind == "string" or feature.derived or feature.name == "label":
            continue
        of_feature = [_number_row(split, one) for split, one in of_each(splits, feature.name).items()]
        rows += [[escape(feature.name) if i == 0 else "", *cells] for i, cells in enumerate(of_feature)]
    head = ["Column", "Split", "up to 99 %", "Least", "Median", "Most", "Mean", "Std. dev.", "Zeros", "Missing"]
    return f"<h2>Numbers</h2>{table(head, rows, ['text', '', '', *['number'] * 7])}" if rows else ""


def _number_row(split: str, feature: FeatureReport) -> list[str]:
    odd = ((feature.nan, "NaN"), (feature.infinite, "infinite"))
    odd_note = "".join(f'<br><span class="bad">{count:,} {what}</span>' for count, what in odd if count)
    if (numbers := feature.numbers) is None:
        return [split_name(split), *[""] * 7, missing(feature) + odd_note]
    shown = (numbers.minimum, numbers.median, numbers.maximum, numbers.mean, numbers.standard_deviation)
    zeros = percent(numbers.zeros / feature.present) if numbers.zeros else '<span class="soft">none</span>'
    return [split_name(split), spark(numbers.body, split), *map(number, shown), zeros, missing(feature) + odd_note]


def _values(splits: Splits) -> str:
    names = [
        feature.name
        for feature in next(iter(splits.values())).features
        if feature.name.startswith((CATEGORICAL, SLICE)) or feature.name == "augmentation"
    ]
    parts = [
        f"<div><h3>{escape(name)}</h3>{shares(of_each(splits, name), LISTED_VALUES, 'Value')}</div>"
        for name in names
        if of_each(splits, name)
    ]
    return f"<h2>Categories and slices</h2>{''.join(parts)}" if parts else ""


def _columns(splits: Splits) -> str:
    rows = []
    for feature in next(iter(splits.values())).features:
        if feature.derived:
            continue
        found = [split.find(feature.name) for split in splits.values()]
        cells = [missing(one) if one is not None else "" for one in found]
        different = [f"{one.strings.unique:,}" if one is not None and one.strings is not None else "" for one in found]
        rows.append([escape(feature.name), feature.kind, *cells, *different])
    names = list(splits)
    head = ["Column", "Type", *(f"Missing in {name}" for name in names), *(f"Different in {name}" for name in names)]
    return f"<h2>All columns</h2>{table(head, rows, ['text', '', *['number'] * (2 * len(names))])}"

"""What the sections of the statistics page share: colours of splits, tables of shares, charts with their numbers."""

from html import escape

from models.page import shorten, table
from models.statistics.charts import Series, densities, number, share_bar
from models.statistics.report import FeatureReport, SplitReport

Splits = dict[str, SplitReport]
Features = dict[str, FeatureReport]

STYLE = """
:root { --train: #2563eb; --eval: #d97706; --test: #0d9488; }
@media (prefers-color-scheme: dark) { :root { --train: #6ea0ff; --eval: #f5a742; --test: #2dd4bf; } }
.train { --color: var(--train); } .eval { --color: var(--eval); } .test { --color: var(--test); }
.headline { display: flex; flex-wrap: wrap; gap: .8rem 3rem; margin: 1.2rem 0 0; padding: 1.2rem 1.5rem;
  background: var(--panel); border-radius: .7rem; }
.headline strong { display: block; font-size: 1.9rem; line-height: 1.2; font-weight: 650; }
.dot { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; background: var(--color);
  margin-right: .45rem; }
.whole { white-space: nowrap; }
.legend > span { margin-right: 1.4rem; white-space: nowrap; }
.meter { display: inline-block; width: 6.5rem; height: .65rem; border-radius: .2rem; background: var(--panel);
  vertical-align: baseline; margin-right: .6rem; }
.meter i { display: block; height: 100%; border-radius: .2rem; background: var(--color); min-width: 1px; }
.share { display: inline-block; min-width: 4rem; text-align: right; font-variant-numeric: tabular-nums; }
.split { display: flex; width: 100%; height: 1.5rem; border-radius: .35rem; overflow: hidden; gap: 2px;
  margin: .6rem 0; }
.split i { display: block; height: 100%; background: var(--color); min-width: 2px; }
.chart { display: block; width: 100%; height: auto; margin-top: .4rem; }
.area { fill: color-mix(in srgb, var(--color) 25%, transparent); stroke: var(--color); stroke-width: 1.5; }
.curve { fill: none; stroke: var(--color); stroke-width: 1.5; }
.base { stroke: var(--line); stroke-width: 1; }
.tick { fill: var(--soft); font-size: 11px; text-anchor: middle; }
.spark { width: 7.5rem; height: 1.9rem; display: block; }
rect.train, rect.eval, rect.test { fill: var(--color); }
.mark { font-weight: 650; }
td.letters, th.letters { padding-left: 1.5rem; }
h3 { font-size: .95rem; margin: 1.4rem 0 .3rem; }
code { font-size: .92em; background: var(--panel); padding: .05rem .3rem; border-radius: .25rem; }
"""


def of_each(splits: Splits, name: str) -> Features:
    """A feature in each split that has values of it."""
    found = {split: report.find(name) for split, report in splits.items()}
    return {split: feature for split, feature in found.items() if feature is not None and feature.values}


def shares(features: Features, listed: int, head: str, *, of_values: bool = False) -> str:
    """A table of the first split's most frequent values, with the share they have in each split.

    Args:
        features: one string column, by split.
        listed: how many values to show.
        head: what a value is.
        of_values: take shares of all values, with bars relative to the longest; else of the rows.
    """
    by_split = {split: _shares_of(feature, of_values=of_values) for split, feature in features.items()}
    longest = max(max(shares.values(), default=0.0) for shares in by_split.values()) if of_values else 1.0
    first = next(iter(by_split.values()))
    known = {value: sum(shares.get(value, 0.0) for shares in by_split.values()) for value in _values_of(by_split)}
    order = sorted(known, key=lambda value: (-first.get(value, 0.0), -known[value], value))
    rows = []
    for value in order[:listed]:
        cells = [_share_cell(shares.get(value), features[split], split, longest) for split, shares in by_split.items()]
        rows.append([escape(shorten(value, 60)) or '<span class="soft">(empty)</span>', *cells])
    unique = max(len(order), *(feature.strings.unique for feature in features.values() if feature.strings))
    more = f'<p class="soft">and {unique - listed:,} more</p>' if unique > listed else ""
    return table([head, *map(split_name, by_split)], rows, ["text", *[""] * len(by_split)]) + more


def _shares_of(feature: FeatureReport, *, of_values: bool) -> dict[str, float]:
    whole = feature.values if of_values else feature.present
    return {value: count / whole for value, count in feature.strings.ranks.items()} if feature.strings else {}


def _values_of(by_split: dict[str, dict[str, float]]) -> set[str]:
    return {value for shares in by_split.values() for value in shares}


def _share_cell(share: float | None, feature: FeatureReport, split: str, longest: float) -> str:
    if share is None:
        is_complete = feature.strings is not None and feature.strings.unique <= len(feature.strings.ranks)
        return f'<span class="meter"></span><span class="share bad">{"none" if is_complete else "rare"}</span>'
    return meter(share, split, longest)


def meter(share: float, split: str, longest: float = 1.0, style: str = "") -> str:
    """A share as a bar, which is full at `longest`, and as a number."""
    return f'{share_bar(share / longest, split)}<span class="share {style}">{percent(share)}</span>'


def chart(features: Features, unit: str) -> str:
    """The distribution of a number in each split, on one axis."""
    series = [Series(split, split, f.numbers.body) for split, f in features.items() if f.numbers is not None]
    if not series:
        return ""
    legend = "".join(f"<span>{split_name(one.name)}</span>" for one in series)
    return f'<p class="legend soft">{legend}<span>up to the 99th percentile</span></p>{densities(series, unit)}'


def spread(features: Features) -> str:
    """A table of the quantiles of a number in each split."""
    rows = []
    for split, feature in features.items():
        if (numbers := feature.numbers) is not None:
            q = numbers.quantiles
            shown = (numbers.minimum, q[5], q[25], numbers.median, q[75], q[95], q[99], numbers.maximum, numbers.mean)
            rows.append([split_name(split), *map(number, shown)])
    head = ["Split", "Least", "5 %", "25 %", "Median", "75 %", "95 %", "99 %", "Most", "Mean"]
    return table(head, rows, ["", *["number"] * 9])


def missing(feature: FeatureReport) -> str:
    """The share of rows without the feature."""
    if not feature.missing:
        return '<span class="soft">none</span>'
    return percent(feature.missing / (feature.present + feature.missing))


def about(text: str, *, is_exact: bool) -> str:
    """A number, marked if it is an estimate."""
    return text if is_exact else f"about {text}"


def split_name(split: str) -> str:
    """A split's name behind a dot in its colour."""
    return f'<span class="whole"><span class="dot {escape(split)}"></span>{escape(split)}</span>'


def percent(share: float) -> str:
    """A share for people, as HTML.

    >>> percent(0.5), percent(0.00001), percent(1), percent(0.99999)
    ('50.0 %', '&lt; 0.01 %', '100 %', '&gt; 99.99 %')
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    if share < 0.0001:
        return "&lt; 0.01 %"
    if share > 0.9999:
        return "&gt; 99.99 %"
    return f"{100 * share:.{1 if 0.01 <= share <= 0.99 else 2}f} %"

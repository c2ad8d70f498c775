"""Anomalies to look at: what is wrong and how to allow it, and every distance beside its bound."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from models.page import page, shorten, table
from models.validation.comparators import is_too_far
from models.validation.view import SplitView
from schemas.reports import AnomaliesReport, Anomaly, Distance, Rule

STYLE = """
.headline { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: end; margin: 1.2rem 0 0; padding: 1.2rem 1.5rem;
  background: var(--panel); border-radius: .7rem; }
.headline strong { display: block; font-size: 3rem; line-height: 1.1; font-weight: 650; }
.anomaly { border-left: 3px solid var(--soft); padding: .1rem 0 .1rem 1rem; margin: 1.2rem 0; overflow-wrap: anywhere; }
.anomaly.error { border-color: var(--bad); }
.anomaly h3 { font-size: 1rem; margin: 0; }
.anomaly h3 span { font-weight: 400; color: var(--soft); }
code { font: .85rem/1.5 ui-monospace, Menlo, Consolas, monospace; background: var(--panel); padding: .1rem .3rem; }
.bar { display: block; width: 14rem; height: 1.2rem; }
td.scale, th.scale { padding-left: 1.5rem; width: 17rem; }
"""
MEASURES = {"jensen_shannon": "Jensen-Shannon", "l_infinity": "L-infinity"}
WIDTH, EDGE = 224, 4
MOST_TEXT = 600


def render(report: AnomaliesReport, rules: Sequence[Rule], splits: dict[str, SplitView], schema_name: str) -> str:
    """The whole page.

    Args:
        report: what validation found.
        rules: of the verdict.
        splits: the statistics that were validated, for their sizes.
        schema_name: of the file that the edits are about.
    """
    sections = [
        _headline(report, rules, splits),
        "<h2>Anomalies</h2>",
        _anomalies(report.anomalies, schema_name),
        "<h2>Drift against the reference</h2>",
        _distances([distance for distance in report.distances if distance.kind == "drift"]),
        "<h2>Skew against the train split</h2>",
        _distances([distance for distance in report.distances if distance.kind == "skew"]),
    ]
    return page("Validation of the data", "\n".join(sections), STYLE)


def _headline(report: AnomaliesReport, rules: Sequence[Rule], splits: dict[str, SplitView]) -> str:
    found = Counter(anomaly.severity for anomaly in report.anomalies)
    sizes = ", ".join(f"{split.rows:,} {escape(name)}" for name, split in splits.items())
    verdict = (
        '<span class="good">✓ Fit for training</span>'
        if all(rule.passed for rule in rules)
        else '<span class="bad">✗ Not fit for training</span>'
    )
    figures = "".join(
        f"<div><strong>{found[kind]}</strong>{kind}{'' if found[kind] == 1 else 's'}</div>"
        for kind in ("error", "warning")
    )
    broken = "".join(f'<p class="bad">{escape(str(rule))}</p>' for rule in rules if not rule.passed)
    return (
        f'<h1>Validation of the data</h1>\n<p class="soft">Rows: {sizes}.</p>\n'
        f'<div class="headline">{figures}<div>{verdict}</div></div>\n{broken}'
    )


def _anomalies(anomalies: Sequence[Anomaly], schema_name: str) -> str:
    if not anomalies:
        return '<p class="soft">None: the data are as the schema says.</p>'
    note = (
        f'<p class="soft">Either the data are wrong, or {escape(schema_name)} is. If the data are right, make the edit '
        "in a copy of the schema of your own and set validate_examples.schema_file to it.</p>"
    )
    return note + "\n".join(map(_anomaly, anomalies))


def _anomaly(anomaly: Anomaly) -> str:
    place = " in ".join(escape(part) for part in (anomaly.feature, anomaly.split) if part)
    return (
        f'<div class="anomaly {anomaly.severity}"><h3>{place} <span>{escape(anomaly.name)}, {anomaly.severity}</span>'
        f"</h3><p>Seen: {_text(anomaly.seen)}</p><p>Expected: {_text(anomaly.expected)}</p>"
        f"<p>To allow it: <code>{_text(anomaly.edit)}</code></p></div>"
    )


def _text(text: str) -> str:
    return escape(shorten(text, MOST_TEXT))


def _distances(distances: Sequence[Distance]) -> str:
    if not distances:
        return '<p class="soft">Nothing was compared.</p>'
    note = (
        '<p class="soft">The bar is the distance, the grey area what chance alone would make of samples of these '
        "sizes, the stroke the bound: threshold plus chance. Scales run from 0 to twice the bound or to the value.</p>"
    )
    rows = [_row(distance) for distance in sorted(distances, key=lambda one: -_excess(one))]
    head = ["Feature", "Split", "Measure", "Distance", "By chance", "Threshold", ""]
    return note + table(head, rows, ["text", "", "", "number", "number", "number", "scale"])


def _row(distance: Distance) -> list[str]:
    far = is_too_far(distance)
    value = f"{distance.value:.4f}"
    return [
        escape(shorten(distance.feature, 60)),
        escape(distance.split),
        MEASURES[distance.measure],
        f'<span class="bad">✗ {value}</span>' if far else value,
        f"{distance.allowance:.4f}",
        f"{distance.threshold:g}",
        _bar(distance, far),
    ]


def _bar(distance: Distance, far: bool) -> str:
    """Distance, chance and bound on one scale."""
    bound = distance.threshold + distance.allowance
    full = max(2 * bound, distance.value, 1e-9)
    value, chance, stroke = (_width(number, full) for number in (distance.value, distance.allowance, bound))
    color = "bad" if far else "accent"
    label = f"{distance.value:.4f} of {bound:.4f}"
    return (
        f'<svg class="bar" viewBox="0 0 {WIDTH + 2 * EDGE} 19" role="img" aria-label="{label}">'
        f'<rect x="{EDGE}" y="3" width="{chance}" height="14" fill="var(--line)"/>'
        f'<rect x="{EDGE}" y="7" width="{value}" height="6" fill="var(--{color})"/>'
        f'<line x1="{EDGE + stroke}" x2="{EDGE + stroke}" y1="1" y2="19" stroke="var(--ink)" stroke-width="2"/></svg>'
    )


def _width(number: float, full: float) -> float:
    return round(WIDTH * number / full, 1)


def _excess(distance: Distance) -> float:
    """How many times its bound a distance is."""
    return distance.value / max(1e-9, distance.threshold + distance.allowance)

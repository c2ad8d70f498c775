"""An evaluation to look at: how good, how sure, which classes, which mistakes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from models.page import page, shorten, table
from schemas.reports import EvaluationReport, Interval, Rule

HEAT_MAP_LABELS = 25  # more columns than this fit on no screen; then the largest confusions are listed

STYLE = """
.headline { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: end; margin: 1.2rem 0 0; padding: 1.2rem 1.5rem;
  background: var(--panel); border-radius: .7rem; }
.headline strong { display: block; font-size: 3rem; line-height: 1.1; font-weight: 650; }
.bar { display: block; width: 11rem; height: 1.2rem; }
td.scale, th.scale { padding-left: 1.5rem; width: 14rem; }
.heat { width: auto; }
.heat th, .heat td { border: 2px solid var(--paper); padding: .4rem .6rem; min-width: 3.2rem; }
.heat th { max-width: 11rem; overflow-wrap: anywhere; }
.heat td { text-align: center; font-variant-numeric: tabular-nums; }
.heat .right { background: color-mix(in srgb, var(--accent) calc(var(--share) * 65% + 4%), var(--panel)); }
.heat .wrong { background: color-mix(in srgb, var(--bad) calc(var(--share) * 90% + 6%), var(--panel)); }
.heat .none { background: var(--panel); color: var(--soft); }
"""


@dataclass(frozen=True)
class Mistake:
    """A row that the model got wrong."""

    text: str
    label: str
    predicted: str
    score: float


def confident_mistakes(
    texts: Sequence[str], truth: Sequence[str], predicted: Sequence[str], scores: np.ndarray, count: int = 20
) -> list[Mistake]:
    """The wrong answers that the model was surest of; `scores` is float [n, C]."""
    best = scores.max(axis=1)
    wrong = [i for i in np.argsort(-best, kind="stable") if truth[i] != predicted[i]]
    return [Mistake(texts[i], truth[i], predicted[i], float(best[i])) for i in wrong[:count]]


def render(
    report: EvaluationReport, rules: Sequence[Rule], mistakes: Sequence[Mistake], undefined: dict[str, str]
) -> str:
    """The whole page; `undefined` says which metrics are missing and why."""
    sections = [
        _headline(report, rules),
        "<h2>Metrics</h2>",
        _metrics(report, rules, undefined),
        "<h2>Labels</h2>",
        _classes(report),
        "<h2>Confusion</h2>",
        _confusion(report),
        "<h2>Surest mistakes</h2>",
        _mistakes(mistakes),
    ]
    return page(f"Evaluation on {report.split}", "\n".join(sections), STYLE)


def _headline(report: EvaluationReport, rules: Sequence[Rule]) -> str:
    accuracy = report.metrics["accuracy"]
    broken = [rule.name for rule in rules if not rule.passed]
    verdict = (
        f'<span class="bad">✗ Not good enough: {escape(", ".join(broken))}</span>'
        if broken
        else '<span class="good">✓ Every threshold met</span>'
    )
    unseen = sum(report.unseen_labels.values())
    note = f"; {unseen:,} of them carry a label that training did not show and count as wrong" if unseen else ""
    return (
        f"<h1>Evaluation on the {escape(report.split)} split</h1>\n"
        f'<p class="soft">{report.rows:,} rows, scored from raw text by the exported model itself{note}.</p>\n'
        f'<div class="headline"><div><strong>{accuracy.value:.2%}</strong>accuracy, 95 % interval '
        f"{accuracy.low:.2%} to {accuracy.high:.2%}</div><div>{verdict}</div></div>"
    )


def _metrics(report: EvaluationReport, rules: Sequence[Rule], undefined: dict[str, str]) -> str:
    bounds = {rule.name: rule for rule in rules}
    floor = math.floor(min([i.low for i in report.metrics.values()] + [r.bound for r in rules]) * 10) / 10
    floor = min(floor, 0.9)
    rows = []
    for name, interval in report.metrics.items():
        rule = bounds.get(name)
        threshold = "" if rule is None else _threshold(rule)
        numbers = [f"{interval.value:.4f}", f"{interval.low:.4f} – {interval.high:.4f}", threshold]
        rows.append([escape(name), *numbers, _bar(interval, floor, rule)])
    head = ["Metric", "Value", "95 % interval", "Threshold", f"{floor:.1f} to 1.0"]
    notes = [
        f'<p class="soft">{escape(name)} is not defined here: {escape(why)}.</p>' for name, why in undefined.items()
    ]
    return table(head, rows, ["", "number", "number", "number", "scale"]) + "".join(notes)


def _threshold(rule: Rule) -> str:
    return f'<span class="{"good" if rule.passed else "bad"}">{"✓" if rule.passed else "✗"} ≥ {rule.bound:g}</span>'


def _bar(interval: Interval, floor: float, rule: Rule | None) -> str:
    """The interval as a line, the value as a dot and the bound as a stroke, on a scale from `floor` to 1."""
    low, value, high = (_place(number, floor) for number in (interval.low, interval.value, interval.high))
    bound = "" if rule is None else _stroke(_place(rule.bound, floor), "bad" if not rule.passed else "good")
    return (
        '<svg class="bar" viewBox="0 0 176 19" role="img" aria-label="interval">'
        '<line x1="4" x2="172" y1="10" y2="10" stroke="var(--line)" stroke-width="2"/>'
        f'<line x1="{low}" x2="{high}" y1="10" y2="10" stroke="var(--accent)" stroke-width="6" '
        'opacity=".4"/>'
        f'{bound}<circle cx="{value}" cy="10" r="3.5" fill="var(--accent)"/></svg>'
    )


def _stroke(x: float, color: str) -> str:
    return f'<line x1="{x}" x2="{x}" y1="2" y2="18" stroke="var(--{color})" stroke-width="2"/>'


def _place(number: float, floor: float) -> float:
    return round(4 + 168 * (number - floor) / (1 - floor), 1)


def _classes(report: EvaluationReport) -> str:
    rows = []
    for one in sorted(report.classes, key=lambda one: (one.f1, one.label)):
        unseen = ' <span class="soft">not in training</span>' if one.label in report.unseen_labels else ""
        numbers = [f"{value:.4f}" for value in (one.precision, one.recall, one.f1)]
        rows.append([escape(shorten(one.label, 80)) + unseen, f"{one.support:,}", *numbers])
    head = ["Label, worst first", "Rows", "Precision", "Recall", "F1"]
    return table(head, rows, ["text", *["number"] * 4])


def _confusion(report: EvaluationReport) -> str:
    if len(report.labels) > HEAT_MAP_LABELS:
        return _largest_confusions(report)
    names = [escape(shorten(label, 30)) for label in report.labels]
    known = len(names) - len(report.unseen_labels)  # nothing is ever answered with an unseen label
    head = "".join(f"<th>{name}</th>" for name in ["true ↓ &nbsp; predicted →", *names[:known]])
    body = ""
    for i, (name, counts) in enumerate(zip(names, report.confusion, strict=True)):
        total = max(1, sum(counts))
        body += f"<tr><th>{name}</th>"
        for j, count in enumerate(counts[:known]):
            kind = "none" if count == 0 else "right" if i == j else "wrong"
            body += f'<td class="{kind}" style="--share:{count / total:.3f}">{count:,}</td>'
        body += "</tr>"
    note = '<p class="soft">Colour: share of the row, that is of the rows with this true label.</p>'
    return f'{note}<div class="wide"><table class="heat"><tr>{head}</tr>{body}</table></div>'


def _largest_confusions(report: EvaluationReport) -> str:
    cells = [
        (count, count / sum(counts), report.labels[i], report.labels[j])
        for i, counts in enumerate(report.confusion)
        for j, count in enumerate(counts)
        if count and i != j
    ]
    largest = sorted(cells, key=lambda cell: (-cell[0], cell[2:]))[:HEAT_MAP_LABELS]
    rows = [
        [escape(shorten(true, 80)), escape(shorten(predicted, 80)), f"{count:,}", f"{share:.1%}"]
        for count, share, true, predicted in largest
    ]
    return table(["True", "Predicted", "Rows", "of the true label"], rows, ["text", "text", "number", "number"])


def _mistakes(mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return '<p class="soft">None.</p>'
    rows = [
        [
            escape(shorten(mistake.text, 240)),
            escape(shorten(mistake.label, 40)),
            escape(shorten(mistake.predicted, 40)),
            f"{mistake.score:.3f}",
        ]
        for mistake in mistakes
    ]
    return table(["Text", "True", "Predicted", "Score"], rows, ["text", "", "", "number"])

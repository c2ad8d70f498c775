from html.parser import HTMLParser

import numpy as np
import pytest

from models import evaluation_page, metrics
from schemas.reports import EvaluationReport, Rule

HOSTILE = "<script>alert('x')</script> & <b>bold</b>"
VOID = {"meta", "circle", "line", "br"}


class Balanced(HTMLParser):
    """Collects text and refuses tags that do not close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def small_report() -> EvaluationReport:
    truth = ["yes", "yes", "no", "no", HOSTILE]
    predicted = ["yes", "no", "no", "no", "yes"]
    scores = np.array([[0.1, 0.9], [0.7, 0.3], [0.8, 0.2], [0.6, 0.4], [0.45, 0.55]])
    return metrics.evaluate(truth, predicted, scores, ["no", "yes"], split="test", resamples=100)


def test_page_shows_values_and_verdict() -> None:
    rules = [
        Rule(name="accuracy", value=0.6, bound=0.9, passed=False),
        Rule(name="f1_macro", value=0.5, bound=0.1, passed=True),
    ]
    page = evaluation_page.render(small_report(), rules, [], {"roc_auc_ovr": "no row has the label 'x'"})
    text = Balanced(page).text
    assert "60.00%" in text
    assert "Not good enough: accuracy" in text
    assert "✗ ≥ 0.9" in text
    assert "✓ ≥ 0.1" in text
    assert "roc_auc_ovr is not defined here: no row has the label 'x'." in text
    assert "1 of them carry a label that training did not show" in text
    assert '<td class="right" style="--share:1.000">2</td>' in page
    assert '<td class="wrong" style="--share:0.500">1</td>' in page


def test_page_says_when_all_is_well() -> None:
    rules = [Rule(name="accuracy", value=0.6, bound=0.5, passed=True)]
    assert "Every threshold met" in evaluation_page.render(small_report(), rules, [], {})


def test_data_is_escaped_and_shortened() -> None:
    mistake = evaluation_page.Mistake(HOSTILE + " word" * 200, "<i>true</i>", "<i>answer</i>", 0.987654)
    page = evaluation_page.render(small_report(), [], [mistake], {})
    parsed = Balanced(page)
    assert not parsed.tags & {"script", "b", "i"}
    assert HOSTILE in parsed.text
    assert "<i>true</i>" in parsed.text
    assert "0.988" in parsed.text
    assert parsed.text.count("word") < 60
    assert "http" not in page


def test_many_labels_give_a_list_of_confusions() -> None:
    names = [f"topic {i:02d} <b>" for i in range(30)]
    predicted = [names[(i + 1) % 30] if i < 3 else names[i] for i in range(30)] + [names[1]]
    truth = [*names, names[0]]
    report = metrics.evaluate(truth, predicted, np.zeros((31, 30)), names, split="eval", resamples=100)
    page = evaluation_page.render(report, [], [], {})
    parsed = Balanced(page)
    assert 'class="heat"' not in page
    assert "b" not in parsed.tags
    first = page.index("of the true label")
    row = '<td class="text">topic 00 &lt;b&gt;</td><td class="text">topic 01 &lt;b&gt;</td><td class="number">2</td>'
    assert page.index(row) - first < 60


def test_confident_mistakes_come_first() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]])
    found = evaluation_page.confident_mistakes(
        ["w", "x", "y", "z"], ["b", "b", "a", "a"], ["a", "b", "b", "b"], scores, count=2
    )
    assert [(mistake.text, mistake.score) for mistake in found] == [
        ("w", pytest.approx(0.9)),
        ("z", pytest.approx(0.7)),
    ]

from html.parser import HTMLParser

import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from models.statistics.charts import ticks
from models.statistics.page import render
from models.statistics.protos import split_proto
from models.statistics.report import headline, report_of
from models.statistics.rows import SplitStatistics
from schemas.columns import Columns

HOSTILE = "<script>alert('x')</script> & <b>bold</b>"
VOID = {"meta", "line", "rect", "polyline", "br"}


class Balanced(HTMLParser):
    """Collects text and refuses tags that do not close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def report(columns, **splits):
    """A report of splits that are lists of rows, each a dictionary."""
    schema = columns.arrow_schema()
    datasets = []
    for split in ("train", "eval", "test"):
        rows = splits.get(split, [])
        statistics = SplitStatistics(columns, with_tokens=False)
        if rows:
            arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
            statistics.add(pa.record_batch(arrays, schema=schema), None)
        datasets.append(split_proto(split, statistics, 20))
    return report_of(statistics_pb2.DatasetFeatureStatisticsList(datasets=datasets))


def rows(count, **values):
    return [{"id": f"{i}", "text": f"word number {i}", "label": "abc"[i % 3], **values} for i in range(count)]


def test_data_is_escaped():
    columns = Columns(categorical=(HOSTILE,), numeric=("<i>",))
    hostile = rows(3, **{"text": HOSTILE, "label": HOSTILE, f"categorical/{HOSTILE}": HOSTILE, "numeric/<i>": 1.0})
    page = render(report(columns, train=hostile))
    parsed = Balanced(page)
    assert "script" not in parsed.tags
    assert "<b>bold" not in page
    assert HOSTILE in parsed.text
    assert "<i>" in parsed.text
    assert "http" not in page


def test_numbers_on_the_page():
    columns = Columns(numeric=("age",), slices=("country",))
    train = rows(8, **{"numeric/age": 30.0, "slice/country": "de"}) + rows(2, text="seen twice")
    eval_rows = rows(4, label="d", **{"numeric/age": float("nan")})
    text = Balanced(render(report(columns, train=train, eval=eval_rows))).text
    assert "14rows" in text
    assert "20.0 %of the train rows repeat a text" in text
    assert "No rows: test." in text
    assert "train 10 71.4 %" in text
    assert "a40.0 %none" in text  # label a: 4 of 10 rows of train, no row of eval
    assert "dnone100 %" in text
    assert "4 NaN" in text
    assert "slice/country" in text
    assert "Give vocabulary to see" in text


def test_labels_that_are_values_or_lists():
    values = report(Columns(label="value"), train=rows(5, label=0.25))
    assert "0.25" in Balanced(render(values)).text
    lists = report(Columns(label="classes"), train=rows(4, label=["x", "y"]))
    assert "that carry the label" in Balanced(render(lists)).text
    assert lists.splits["train"].find("label").strings.ranks == {"x": 4, "y": 4}
    no_label = report(Columns(label=None), train=[{"id": "0", "text": "a"}])
    assert "Labels" not in Balanced(render(no_label)).text


def test_no_rows_at_all():
    empty = report(Columns())
    assert "No rows: train, eval, test." in Balanced(render(empty)).text
    assert headline(empty)["rows"] == 0


def test_columns_without_any_value():
    columns = Columns(numeric=("age",), categorical=("kind",))
    text = Balanced(render(report(columns, train=[{"id": "0"}, {"id": "1"}]))).text
    assert "categorical/kindstring100 %0" in text


@pytest.mark.parametrize(("low", "high"), [(0, 1), (3, 97), (-5, 1e9), (0, 1e-7), (100, 101)])
def test_ticks_are_round_and_few(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    assert all(low <= tick <= high * (1 + 1e-9) for tick in found)

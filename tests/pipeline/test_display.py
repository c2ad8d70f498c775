"""What people see while a run goes on."""

import io
import json

from rich.console import Console

from pipeline.display import JsonLines, LiveTable, PlainLines
from pipeline.runner import StepStatus
from pipeline.runs import RunRecord
from pipeline.summary import _print_evaluation
from schemas.reports import ClassReport, EvaluationReport, Interval


def show(display):
    record = RunRecord.start("demo", "toy")
    display.start(record, ["read", "learn", "push"])
    display.update(StepStatus("read", "cached", metrics={"rows": 2225}))
    display.update(StepStatus("learn", "running", text="starting"))
    display.update(StepStatus("learn", "running", done=0.5, text="epoch 1/2"))
    display.update(StepStatus("learn", "ran", 61.2, metrics={"accuracy": 0.98765}))
    display.update(StepStatus("push", "failed", 1.0, text="7 came, 8 was expected"))
    record.status = "failed"
    record.seconds = 62.5
    display.close()
    display.end(record)


def test_live_table_ends_with_every_step_on_the_screen():
    stream = io.StringIO()
    show(LiveTable(Console(file=stream, force_terminal=True, width=100, color_system=None)))
    last = stream.getvalue().rpartition("\x1b")[2]
    for words in (
        "✓  read",
        "rows 2,225",
        "1 min 01 s",
        "accuracy 0.9877",
        "✗  push",
        "7 came",
        "failed in 1 min 02 s",
    ):
        assert words in last


def test_plain_lines_have_no_control_characters_and_spare_the_reader():
    stream = io.StringIO()
    show(PlainLines(stream))
    assert stream.getvalue().splitlines() == [
        "demo: 3 steps of recipe toy",
        "  ✓ read cached rows 2,225",
        "  ▸ learn running",
        "  ✓ learn ran in 1 min 01 s: accuracy 0.9877",
        "  ✗ push failed 7 came, 8 was expected",
        "failed in 1 min 02 s",
    ]


def test_json_lines_carry_everything():
    stream = io.StringIO()
    show(JsonLines(stream))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["run", *["step"] * 5, "run"]
    assert events[3]["done"] == 0.5 and events[4]["metrics"] == {"accuracy": 0.98765}
    assert events[-1]["status"] == "failed"


def test_live_table_gives_the_cursor_back():
    stream = io.StringIO()
    display = LiveTable(Console(file=stream, force_terminal=True, width=100))
    display.start(RunRecord.start("demo", "toy"), ["read"])
    display.close()
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


def test_summary_shows_labels_as_they_are():
    stream = io.StringIO()
    value = Interval(value=0.9, low=0.8, high=1.0)
    labels = ["[/b]", "[spam]"]
    classes = [ClassReport(label=label, support=1, precision=1, recall=1, f1=1) for label in labels]
    report = EvaluationReport(
        split="test",
        rows=2,
        metrics={"accuracy": value},
        classes=classes,
        confusion=[[1, 0], [0, 1]],
        labels=labels,
        unseen_labels={},
    )
    _print_evaluation(report, Console(file=stream, width=100))
    assert "[/b]" in stream.getvalue() and "[spam]" in stream.getvalue()

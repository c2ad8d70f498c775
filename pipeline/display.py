"""What a person (or a machine) sees of a run: a live table, plain lines, or JSON lines."""

import json
import sys
import time
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.runner import Display, StepStatus
from pipeline.runs import RunRecord

MARKS = {
    "waiting": ("·", "dim"),
    "locked": ("…", "yellow"),
    "running": ("▸", "cyan"),
    "ran": ("✓", "green"),
    "cached": ("✓", "dim green"),
    "failed": ("✗", "red"),
    "refused": ("✗", "yellow"),
    "skipped": ("–", "dim"),
}
LOCKED = "another run is computing this step"


def display_for(stream: TextIO, *, as_json: bool) -> Display:
    """JSON lines if asked for, a live table on a terminal, plain lines elsewhere."""
    if as_json:
        return JsonLines(stream)
    return LiveTable(Console(file=stream)) if stream.isatty() else PlainLines(stream)


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(0.04), duration(7.26), duration(83), duration(4000)
    ('0.0 s', '7.3 s', '1 min 23 s', '1 h 06 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def in_words(metrics: dict[str, Any]) -> str:
    """Metrics on one line.

    >>> in_words({"rows": 2225, "accuracy": 0.97654, "best_epoch": 2})
    'rows 2,225 · accuracy 0.9765 · best epoch 2'
    """
    return " · ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in metrics.items())


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) >= 1 else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


class LiveTable:
    """A table that fills in place, with a bar for the step at work."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._statuses: dict[str, StepStatus] = {}
        self._since: dict[str, float] = {}
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=5, transient=True)

    def start(self, record: RunRecord, steps: list[str]) -> None:
        """Show all steps as waiting."""
        self._console.print(f"[bold]{record.scenario}[/] · {record.recipe}", highlight=False)
        self._statuses = {name: StepStatus(name) for name in steps}
        self._live.start()

    def update(self, status: StepStatus) -> None:
        """Change one line."""
        self._since.setdefault(status.name, time.monotonic())
        self._statuses[status.name] = status

    def end(self, record: RunRecord) -> None:
        """Leave the final table on the screen."""
        self._console.print(self._table())
        self._console.print(f"{record.status} in {duration(record.seconds)}", style="bold", highlight=False)

    def close(self) -> None:
        """Take the moving table away and give the cursor back."""
        self._live.stop()

    def _table(self) -> RenderableType:
        table = Table(box=None, padding=(0, 1), show_header=False)
        for status in self._statuses.values():
            mark, style = MARKS[status.state]
            table.add_row(
                Text(mark, style),
                Text(status.name, style),
                Text(status.state, style),
                self._elapsed(status),
                _detail(status),
            )
        return table

    def _elapsed(self, status: StepStatus) -> Text:
        working = status.state in ("running", "locked")
        seconds = time.monotonic() - self._since[status.name] if working else status.seconds
        shown = working or status.state in ("ran", "failed")
        return Text(duration(seconds) if shown else "", "cyan" if working else "dim", justify="right")


def _detail(status: StepStatus) -> RenderableType:
    if status.state == "running":
        words = Text(status.text, "cyan")
        return words if status.done is None else Group(words, ProgressBar(1.0, status.done, width=40))
    if status.state == "locked":
        return Text(LOCKED, "yellow")
    return Text(status.text or in_words(status.metrics), "red" if status.state == "failed" else "")


class PlainLines:
    """One line when a step begins, one when it ends, and news of long steps every ten seconds."""

    SECONDS_BETWEEN_NEWS = 10.0

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._states: dict[str, str] = {}
        self._last_news = 0.0

    def start(self, record: RunRecord, steps: list[str]) -> None:
        """Say what runs."""
        self._say(f"{record.scenario}: {len(steps)} steps of recipe {record.recipe}")

    def update(self, status: StepStatus) -> None:
        """Say what changed."""
        if status.state == "running" and self._states.get(status.name) == "running":
            if time.monotonic() - self._last_news < self.SECONDS_BETWEEN_NEWS:
                return
            done = "" if status.done is None else f"{status.done:4.0%} "
            self._say(f"  {status.name}: {done}{status.text}")
        else:
            self._say(f"  {MARKS[status.state][0]} {status.name} {status.state} {self._rest(status)}".rstrip())
        self._states[status.name] = status.state
        self._last_news = time.monotonic()

    def end(self, record: RunRecord) -> None:
        """Say how it ended."""
        self._say(f"{record.status} in {duration(record.seconds)}")

    def close(self) -> None:
        """Nothing moves here."""

    def _rest(self, status: StepStatus) -> str:
        if status.state == "ran":
            return f"in {duration(status.seconds)}: {in_words(status.metrics)}"
        if status.state == "locked":
            return f"({LOCKED})"
        return status.text if status.state in ("failed", "refused") else in_words(status.metrics)

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class JsonLines:
    """One JSON object per event, for programs."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream

    def start(self, record: RunRecord, steps: list[str]) -> None:
        """`{"event": "run", "status": "running", …}`."""
        self._say(event="run", id=record.id, scenario=record.scenario, status=record.status, steps=steps)

    def update(self, status: StepStatus) -> None:
        """`{"event": "step", "name": …, "state": …}`."""
        self._say(event="step", **vars(status))

    def end(self, record: RunRecord) -> None:
        """The whole record."""
        self._say(event="run", **record.model_dump(mode="json"))

    def close(self) -> None:
        """Nothing to give back."""

    def _say(self, **message: Any) -> None:
        print(json.dumps(message, ensure_ascii=False), file=self._stream, flush=True)

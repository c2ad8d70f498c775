"""The whole line on a tiny world, as a user runs it: computed once, cached, explained, killed, and the same again."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# One worker runs the file, so that its line is run once.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("line")]

ROOT = Path(__file__).parents[1]
DATA = ["ingest_examples", "compute_statistics", "infer_schema", "validate_examples", "augment_examples"]
STEPS = [*DATA, "tokenize_examples", "train_bert", "export_model", "evaluate_model", "push_model"]
SILENT = ("infer_schema", "validate_examples")  # over in a moment, they report nothing before they record
SCENARIO = """
name: tiny
ingest_examples: {source: reviews.csv, shards: 2}
augment_examples: {random_swap: 0.2}
tokenize_examples: {max_length: 16}
train_bert: {preset: ./tiny_bert, epochs: 2, batch_size: 16, learning_rate: 1e-2}
evaluate_model: {thresholds: {accuracy: 0.0}, resamples: 200}
push_model: {rows: 8}
"""


@dataclass(frozen=True)
class Line:
    """A folder with a tiny scenario, its data and its preset."""

    folder: Path

    def start(self, *arguments: str, code: Path | None = None) -> "subprocess.Popen[str]":
        environment = {**os.environ, **({"PYTHONPATH": str(code)} if code else {})}
        command = [sys.executable, "-P", "-m", "pipeline.cli", *arguments]
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def __call__(self, *arguments: str, expect: int = 0, code: Path | None = None) -> str:
        process = self.start(*arguments, code=code)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == expect, output
        return output

    def plan(self, *arguments: str, code: Path | None = None) -> dict[str, str]:
        entries = json.loads(self("plan", "tiny.yaml", "--json", *arguments, code=code))
        return {entry["step"]: entry["state"] for entry in entries}

    def published(self) -> list[str]:
        """What lies in the destination, but for the lock of pushes."""
        return sorted(path.name for path in (self.folder / "published" / "tiny").iterdir() if path.name != ".push.lock")

    def manifests(self, store: str = ".modelmill") -> dict[str, dict]:
        paths = (self.folder / store).glob("*/*/manifest.json")
        return {manifest["component"]: manifest for manifest in (json.loads(path.read_text()) for path in paths)}

    def digests(self, store: str = ".modelmill") -> dict[str, str]:
        return {
            f"{component}.{name}": output["digest"]
            for component, manifest in self.manifests(store).items()
            for name, output in manifest["outputs"].items()
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory, make_tiny_preset) -> Callable[[str], Line]:
    """`world(name)`: a fresh folder with scenario, data and preset, not yet run."""
    from random import Random

    words = ["good", "great", "bad", "poor", "the", "film", "was", "a", "plot", "very", "odd", "slow"]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    template = tmp_path_factory.mktemp("template")
    make_tiny_preset(template / "tiny_bert", special + words)
    rng = Random(3)
    rows = {" ".join([*rng.choices(words[4:], k=rng.randint(2, 12)), words[i % 4]]): i % 4 < 2 for i in range(240)}
    lines = [f"{text},{'positive' if good else 'negative'}" for text, good in rows.items()]
    (template / "reviews.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    (template / "tiny.yaml").write_text(SCENARIO)

    def make(name: str) -> Line:
        folder = tmp_path_factory.mktemp(name) / "work"
        shutil.copytree(template, folder)
        return Line(folder)

    return make


@pytest.fixture(scope="module")
def line(world) -> Line:
    """A line that two runs, started together, have run."""
    line = world("line")
    processes = [line.start("run", "tiny.yaml", "--json") for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    records = [json.loads(output.splitlines()[-1]) for output in outputs]
    for step in STEPS:
        states = sorted(record["steps"][step]["state"] for record in records)
        assert states == ["cached", "ran"], (step, states)
    return line


@pytest.fixture
def copied_code(tmp_path) -> Path:
    """Our four rooms in a folder that a test may edit."""
    for room in ("schemas", "components", "models", "pipeline"):
        shutil.copytree(ROOT / room, tmp_path / "code" / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "code"


def test_two_runs_at_once_published_one_version(line):
    assert line.published() == ["1"]
    push = line.manifests()["push_model"]["metrics"]
    assert push["rows_asked"] == 8


def test_published_model_answers_raw_strings(line):
    output = line("predict", "published/tiny", "the film was good", "a very bad plot", "--json")
    answers = [json.loads(answer) for answer in output.splitlines() if answer.startswith("{")]
    assert [answer["text"] for answer in answers] == ["the film was good", "a very bad plot"]
    assert all(answer["label"] in ("negative", "positive") and 0.5 <= answer["score"] <= 1 for answer in answers)


def test_second_run_is_cached_and_loads_no_tensorflow(line):
    program = "import sys; from pipeline.cli import main; main(['run', 'tiny.yaml', '--json'], standalone_mode=False)"
    heavy = "[name for name in ('tensorflow', 'keras', 'apache_beam') if name in sys.modules]"
    spy = f"import atexit, sys; atexit.register(lambda: print({heavy}));"
    done = subprocess.run(
        [sys.executable, "-P", "-c", spy + program], cwd=line.folder, capture_output=True, text=True, check=True
    )
    *events, modules = done.stdout.splitlines()
    assert modules == "[]"
    assert {step["state"] for step in json.loads(events[-1])["steps"].values()} == {"cached"}


def test_max_length_reruns_tokenize_and_what_follows(line):
    assert line.plan("--set", "tokenize_examples.max_length=12") == {
        **dict.fromkeys(DATA, "cached"),
        "tokenize_examples": "run",
        **dict.fromkeys(["train_bert", "export_model"], "follows"),
        **dict.fromkeys(["evaluate_model", "push_model"], "follows"),
    }
    reason = line("why", "tiny.yaml", "tokenize_examples", "--set", "tokenize_examples.max_length=12")
    assert "parameter max_length: 16 → 12" in reason


def test_comment_edit_reruns_nothing(line, copied_code):
    for file in copied_code.rglob("*.py"):
        file.write_text(file.read_text() + "\n# a remark\n")
    assert set(line.plan(code=copied_code).values()) == {"cached"}


def test_training_code_edit_reruns_training_and_what_follows(line, copied_code):
    training = copied_code / "models" / "training.py"
    training.write_text(training.read_text() + "\n\ndef another() -> int:\n    return 1\n")
    states = line.plan(code=copied_code)
    assert [states[step] for step in STEPS] == [*["cached"] * 6, "run", "follows", "follows", "follows"]
    assert "code of models.training: changed" in line("why", "tiny.yaml", "train_bert", code=copied_code)


def test_verify_and_lineage(line):
    assert "10 steps verified, 0 changed" in line("verify")
    lineage = line("lineage", "push_model")
    assert lineage.count("source: reviews.csv  (sha256 ") == 1 and "(as above)" in lineage
    assert "preset: ./tiny_bert  (sha256 " in lineage


def test_killed_inside_every_step_in_turn_the_line_still_ends_the_same(line, world):
    disturbed = world("killed")
    for step in STEPS:
        if step not in SILENT:
            _kill_when(disturbed, step, lambda text: text != "starting")
            assert step not in disturbed.manifests()
        _kill_when(disturbed, step, lambda text: text == "recording what was written")
    disturbed("run", "tiny.yaml")
    assert disturbed.digests() == line.digests()
    assert len(disturbed.digests()) == 12
    assert disturbed.published() == ["1"]
    assert "10 steps verified, 0 changed" in disturbed("verify")


def _kill_when(line: Line, step: str, moment: Callable[[str], bool]) -> None:
    """Start a run and kill it (SIGKILL) when the step's own process reports the right words."""
    process = line.start("run", "tiny.yaml", "--json")
    for event in _events(process):
        if event.get("name") == step and event.get("state") == "running" and moment(event["text"]):
            break
    else:
        pytest.fail(f"{step} never came to that moment")
    process.kill()
    process.wait()
    process.stdout.close()


def _events(process: "subprocess.Popen[str]") -> Iterator[dict]:
    for text in process.stdout:
        if text.startswith("{"):
            yield json.loads(text)

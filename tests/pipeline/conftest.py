"""A toy project: our own machine with four components that need no TensorFlow, in a folder that tests may edit."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
collect_ignore_glob = ["toy/*"]


@dataclass(frozen=True)
class ToyProject:
    """A copy of the machine, a scenario, a store and the log of what was computed."""

    folder: Path

    @property
    def code(self) -> Path:
        return self.folder / "code"

    @property
    def store(self) -> Path:
        return self.folder / "work" / ".modelmill"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "pipeline.cli", *arguments]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.code), "TOY_LOG": str(self.folder / "calls.log")}

    def __call__(self, *arguments: str, code: int | None = 0) -> str:
        """Run the command line; returns what it printed, on either stream."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder / "work",
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        if code is not None:
            assert done.returncode == code, done.stdout
        return done.stdout

    def start(self, *arguments: str, pause: str = ":0") -> "subprocess.Popen[str]":
        """Start the command line and leave it running; `pause="component:seconds"` holds a component up."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder / "work",
            env={**self.environment(), "TOY_PAUSE": pause},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start_until(self, component: str, words: str, pause: str) -> "subprocess.Popen[str]":
        """Start a run and come back when the component's own process reports these words."""
        process = self.start("run", "--json", "toy.yaml", pause=pause)
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event.get("name") == component and event.get("state") == "running" and words in event["text"]:
                return process
        raise AssertionError(f"{component} never said '{words}'")

    def computed(self) -> list[str]:
        """The components computed since the last call, in order."""
        log = self.folder / "calls.log"
        calls = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return calls

    def states(self, *arguments: str) -> dict[str, str]:
        """What `plan` predicts, by step."""
        return {entry["step"]: entry["state"] for entry in json.loads(self("plan", "toy.yaml", "--json", *arguments))}

    def digests(self, store: str = ".modelmill") -> dict[str, str]:
        """Content digest of every output in the store."""
        paths = sorted((self.folder / "work" / store).glob("*/*/manifest.json"))
        manifests = [json.loads(path.read_text()) for path in paths]
        return {
            f"{manifest['component']}.{name}": output["digest"]
            for manifest in manifests
            for name, output in manifest["outputs"].items()
        }

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text in the toy project's code."""
        path = self.code / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def toy(tmp_path: Path) -> ToyProject:
    """A fresh toy project that has not run yet."""
    for room in ("schemas", "components", "models", "pipeline"):
        (tmp_path / "code" / room).mkdir(parents=True)
        shutil.copy(ROOT / room / "__init__.py", tmp_path / "code" / room)
    for pattern in ("schemas/*.py", "pipeline/*.py", "components/base.py"):
        for file in ROOT.glob(pattern):
            shutil.copy(file, tmp_path / "code" / file.relative_to(ROOT))
    shutil.copytree(HERE / "toy", tmp_path / "code", dirs_exist_ok=True)
    work = tmp_path / "work"
    work.mkdir()
    (work / "numbers.txt").write_text("1\n2\n3\n4\n")
    (work / "toy.yaml").write_text("name: toy\nrecipe: toy\nwrite_numbers: {source: numbers.txt}\n")
    return ToyProject(tmp_path)

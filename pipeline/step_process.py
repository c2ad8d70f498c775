"""One step in a process of its own, as the local runner starts it: told what to do, listened to, never outlived."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.execute import LOG, Request


class StepFailedError(Exception):
    """A step ended without a result.

    Args:
        message: what to tell the user.
        log: where the step's output is kept, or None where the message says it all.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


def run_process(request: Request, lock: int, report: Callable[[float | None, str], None]) -> None:
    """Run a step's process to its end and pass its progress on.

    Raises:
        StepFailedError: it did not finish.
    """
    shutil.rmtree(request.work, ignore_errors=True)
    (request.work / "step").mkdir(parents=True)
    request_file, log = request.work / "request.json", request.work / "step" / LOG
    request_file.write_text(request.model_dump_json(indent=2), encoding="utf-8")
    news, news_end = os.pipe()
    lifeline_end, lifeline = os.pipe()
    # -P: a folder named models/ in the current folder must not hide ours.
    command = [
        sys.executable,
        "-P",
        "-m",
        "pipeline.execute",
        str(request_file),
        str(news_end),
        str(lifeline_end),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(news_end, lifeline_end, lock),
            env={**os.environ, **_environment()},
        )
    os.close(news_end)
    os.close(lifeline_end)
    error: dict[str, object] = {}
    try:
        with os.fdopen(news) as lines:
            for line in lines:
                message = json.loads(line)
                if "error" in message:
                    error = message
                else:
                    report(message["done"], message["text"])
        code = process.wait()
    finally:
        os.close(lifeline)  # from here on the process has no runner and ends itself
        process.wait()
    if code != 0:
        raise _failure(request.parts.component, code, error, log)


def _environment() -> dict[str, str]:
    # A fixed hash seed makes the order of sets, and so of graphs built from them, the same in every process.
    return {
        "KERAS_BACKEND": "tensorflow",
        "TF_USE_LEGACY_KERAS": "0",
        "PYTHONHASHSEED": "0",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def _failure(component: str, code: int, error: dict[str, object], log: Path) -> StepFailedError:
    if error.get("mendable"):
        return StepFailedError(str(error["error"]))
    if error:
        return StepFailedError(f"{component} broke: {error['error']}", log)
    if code == -signal.SIGKILL:
        return StepFailedError(
            f"{component} was killed. If nobody did it by hand, the machine ran out of memory: "
            "try a smaller batch_size or max_length, or a larger machine.",
            log,
        )
    return StepFailedError(f"{component} ended with exit code {code} and no word.", log)

import os
import time
from pathlib import Path


def log_call(name: str) -> None:
    with Path(os.environ["TOY_LOG"]).open("a") as file:
        file.write(f"{name}\n")


def pause(name: str) -> None:
    """Wait as long as `TOY_PAUSE=component:seconds` says; from outside, so that it is no part of the key."""
    component, _, seconds = os.environ.get("TOY_PAUSE", ":0").partition(":")
    time.sleep(float(seconds) if component == name else 0)

import os
from pathlib import Path


def log_call(name: str) -> None:
    with Path(os.environ["TOY_LOG"]).open("a") as file:
        file.write(f"{name}\n")

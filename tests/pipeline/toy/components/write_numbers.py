import time
from typing import Annotated

from models.toy_log import log_call, pause
from pydantic import Field

from components.base import Location, Metrics, Output, Runtime, component
from schemas import locations
from schemas.artifacts import Artifact
from schemas.errors import UserError


def has_numbers(source: str) -> None:
    files = locations.find_files(source, wanted_by="write_numbers.source")
    if not files[0].read_text().strip():
        raise UserError(f"write_numbers.source: {files[0]} is empty. Expected one number per line.")


@component(check=has_numbers)
def write_numbers(
    numbers: Output[Artifact],
    runtime: Runtime,
    *,
    source: Location,
    count: Annotated[int, Field(ge=1, le=100, description="numbers to keep")] = 3,
    seconds: float = 0.0,
) -> Metrics:
    """Copy the first numbers of a file."""
    log_call("write_numbers")
    numbers.path.mkdir()
    lines = locations.find_files(source, wanted_by="write_numbers.source")[0].read_text().split()
    for done, line in enumerate(lines[:count]):
        with (numbers.path / "numbers.txt").open("a") as file:
            file.write(f"{line}\n")
        runtime.report(done / count, f"number {line}")
        time.sleep(seconds / count)
    pause("write_numbers")
    return {"numbers": min(count, len(lines))}

import os
import time

from models.toy_log import log_call, pause

from components.base import Input, Metrics, Output, Runtime, component
from schemas.artifacts import Artifact
from schemas.errors import UserError


@component
def double_numbers(
    numbers: Input[Artifact], doubled: Output[Artifact], runtime: Runtime, *, seconds: float = 0.0, fail: str = ""
) -> Metrics:
    """Double every number."""
    from models.doubling import double

    log_call("double_numbers")
    doubled.path.mkdir()
    values = [double(int(line)) for line in (numbers.path / "numbers.txt").read_text().split()]
    (doubled.path / "numbers.txt").write_text("\n".join(map(str, values)))
    runtime.report(None, "doubling")
    time.sleep(seconds)
    pause("double_numbers")
    if fail == "user":
        raise UserError("double_numbers: 7 came, 8 was expected. Add one.")
    if fail == "bug":
        raise KeyError("oops")
    if fail == "nan":
        return {"largest": float("nan")}
    if fail == "exit":
        os._exit(9)
    return {"largest": max(values)}

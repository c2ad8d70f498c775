"""How a step's Beam pipeline runs here: in this process while the data is small, on every core when it is not."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from schemas.errors import UserError

LOCAL_RUNNERS = ("--runner=FnApiRunner", "--runner=DirectRunner")
# Worker processes take 2 seconds to start, 6 with TensorFlow: what one core does to 50 MB of short texts in that time.
WORTH_PROCESSES = 50 << 20


def options(given: Sequence[str], input_bytes: int, *, mode: str = "multi_processing") -> PipelineOptions:
    """The options as they are if they say how many workers or name an engine; else as many workers as pay.

    Args:
        given: command-line options of Beam.
        input_bytes: what the pipeline is going to read, uncompressed, roughly.
        mode: `multi_processing`, or `multi_threading` for work that leaves Python's lock alone.
    """
    chosen = list(given)
    is_local = not any(option.startswith("--runner") and option not in LOCAL_RUNNERS for option in given)
    is_open = not any(option.startswith(("--direct_num_workers", "--direct_running_mode")) for option in given)
    cores = os.cpu_count() or 1
    if is_local and is_open and input_bytes >= WORTH_PROCESSES and cores > 1:
        chosen += [f"--direct_num_workers={cores}", f"--direct_running_mode={mode}"]
    return PipelineOptions(chosen)


@contextmanager
def complaints_to(file: Path) -> Iterator[None]:
    """Write a UserError of a worker down, for a `with` block: engines turn it into something of their own."""
    try:
        yield
    except UserError as error:
        file.write_text(str(error), encoding="utf-8")
        raise


def run(
    pipeline: beam.Pipeline, tell: Callable[[], None] = lambda: None, *, complaints: Path | None = None
) -> beam.runners.runner.PipelineResult:
    """Run a pipeline to its end; its result has the counters.

    Args:
        pipeline: what to run.
        tell: called twice a second meanwhile, to report progress.
        complaints: where workers write their UserErrors.

    Raises:
        UserError: a worker did, in its own words.
    """
    ended = threading.Event()

    def keep_telling() -> None:
        while not ended.wait(0.5):
            tell()

    teller = threading.Thread(target=keep_telling, daemon=True)
    teller.start()
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except Exception as error:
        if complaints is not None and complaints.exists():
            raise UserError(complaints.read_text(encoding="utf-8")) from error
        raise
    finally:
        ended.set()
        teller.join()
    return result

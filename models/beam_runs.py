"""How a step's Beam pipeline runs here: in this process while the data is small, on every core when it is not."""

import os
import threading
from collections.abc import Callable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

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


def run(pipeline: beam.Pipeline, tell: Callable[[], None] = lambda: None) -> beam.runners.runner.PipelineResult:
    """Run a pipeline to its end; its result has the counters.

    Args:
        pipeline: what to run.
        tell: called twice a second meanwhile, to report progress.
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
    finally:
        ended.set()
        teller.join()
    return result

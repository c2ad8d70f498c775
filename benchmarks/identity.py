"""Whether the data half gives the same rows however the input is cut and however many workers there are.

Usage: python benchmarks/identity.py [--quick] [--rows 100000] [--work FOLDER]

The same rows lie in one CSV file and in four. Ingest, statistics, augmentation and tokenization run on each with one
worker, two threads and two processes. Printed per step are digests of the sorted rows, rejects included, but not where
a reject stood in which file; `content` is the artifact's own digest, which also has shards and their order. Ends with
status 1 when a step gave two different answers.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import steps
import synthetic

from schemas import digests
from schemas.artifacts import SPLITS, Artifact, Examples, Statistics, Tokens

MODES = {
    "one worker": ("--direct_num_workers=1", "--direct_running_mode=in_memory"),
    "two threads": ("--direct_num_workers=2", "--direct_running_mode=multi_threading"),
    "two processes": ("--direct_num_workers=2", "--direct_running_mode=multi_processing"),
}
KINDS = {
    "ingest_examples": Examples,
    "compute_statistics": Statistics,
    "augment_examples": Examples,
    "tokenize_examples": Tokens,
}


def sorted_rows(artifact: Artifact) -> str:
    """Digest of what an artifact holds, whatever the order of its rows and the number of its shards."""
    if isinstance(artifact, Examples):
        parts = {split: _parquet_rows(sorted((artifact.path / split).glob("*.parquet"))) for split in SPLITS}
        parts["rejects"] = _parquet_rows(sorted((artifact.path / "rejects").glob("*.parquet")), without=("file", "row"))
        return digests.of_json({name: _sorted(rows) for name, rows in parts.items()})
    if isinstance(artifact, Tokens):
        return digests.of_json({split: _sorted(_records(artifact.shards(split))) for split in SPLITS})
    return artifact.content_digest()


def _sorted(rows: Iterable[bytes]) -> str:
    return digests.of_bytes(b"\n".join(sorted(rows)))


def _parquet_rows(files: list[Path], without: tuple[str, ...] = ()) -> Iterator[bytes]:
    for file in files:
        for row in pq.read_table(file).to_pylist():
            yield json.dumps({name: row[name] for name in row if name not in without}, sort_keys=True).encode()


def _records(files: list[Path]) -> Iterator[bytes]:
    """The records of TFRecord files: each has its length and a checksum before it and a checksum behind it."""
    for file in files:
        content = file.read_bytes()
        start = 0
        while start < len(content):
            end = start + 12 + int.from_bytes(content[start : start + 8], "little")
            yield content[start + 12 : end]
            start = end + 4


def run_all(folder: Path, source: Path, beam: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Both digests of each step's output; the later steps read what this ingest wrote."""
    found = {}
    for component, kind in KINDS.items():
        parameters, output = dict(steps.PARAMETERS[component]), steps.OUTPUTS[component]
        folders = {output: folder / component}
        if component == "ingest_examples":
            parameters["source"] = str(source)
        else:
            folders["examples"] = folder / "ingest_examples"
        steps.run(component, folders, parameters, beam=(*steps.IN_MEMORY, *beam))
        artifact = kind(folder / component)
        found[component] = (sorted_rows(artifact), artifact.content_digest())
    return found


def main() -> None:
    """Run every combination, print the digests and one line per step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two combinations of 10,000 rows, which differ in all")
    parser.add_argument("--rows", type=int, help="100000, with --quick 10000")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    options = parser.parse_args()
    rows = options.rows or (10_000 if options.quick else 100_000)
    combinations = [(files, mode) for files in (1, 4) for mode in MODES]
    if options.quick:
        combinations = [combinations[0], combinations[-1]]
    found = {}
    with tempfile.TemporaryDirectory(prefix="modelmill-identity-", dir=options.work) as folder:
        for files in {files for files, _ in combinations}:
            synthetic.write_csv(Path(folder) / f"{files}-files", rows, files)
        for files, mode in combinations:
            with tempfile.TemporaryDirectory(dir=folder) as place:
                found[files, mode] = run_all(Path(place), Path(folder) / f"{files}-files", MODES[mode])
            for component, (same, content) in found[files, mode].items():
                print(
                    f"{component:<20}{files} input files  {mode:<15}rows {same[:16]}  content {content[:16]}",
                    flush=True,
                )
    print()
    different = {component: {found[key][component] for key in found} for component in KINDS}
    for component, answers in different.items():
        counts = [len({answer[position] for answer in answers}) for position in (0, 1)]
        print(f"identity.{component} different_rows={counts[0]} different_contents={counts[1]} of={len(found)} runs")
    sys.exit(any(len({rows for rows, _ in answers}) > 1 for answers in different.values()))


if __name__ == "__main__":
    main()

"""How much memory the steps of the data half hold, and whether it grows with the rows.

Usage: python benchmarks/memory.py [--quick] [--rows 1,8] [--only STEP ...] [--work FOLDER]

Each step runs in a process of its own, with the options a scenario without `beam:` gives. Memory is the most that
this process had resident at a time, plus the same of the largest of its children: workers are processes when the
input is large. What a process has mapped of files counts too. `--rows` is in millions; `--quick` takes a twentieth,
which shows that it works and says little about growth, since small inputs start no workers. There is no peer to run:
the other side is the bound that was promised, so much times the memory at the first number of rows.
"""

import argparse
import tempfile
from pathlib import Path

import steps
import synthetic

# Rows pass through the map-only steps in batches. Ingest compares all rows with each other, by references.
BOUNDS = {
    "ingest_examples": 1.6,
    "ingest_examples near_duplicates: ignore": 1.6,
    "compute_statistics": 1.2,
    "augment_examples": 1.2,
    "tokenize_examples": 1.2,
}


def measure(rows: int, names: list[str], work: Path | None) -> dict[str, steps.Measured]:
    """Run each step on `rows` rows; what it wrote is removed as soon as nobody needs it."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="modelmill-memory-", dir=work) as folder:
        source = synthetic.write_csv(Path(folder) / "source", rows)[0]
        examples = Path(folder) / "examples"
        if not any(name.endswith("ignore") for name in names):
            synthetic.write_examples(examples, rows)
        for name in names:
            with tempfile.TemporaryDirectory(prefix="step-", dir=folder) as place:
                found[name] = one_step(name, source, examples, Path(place) / "out")
            print(f"{rows / 1e6:g} M rows, {name}: {found[name].seconds:.0f} s", flush=True)
    return found


def one_step(name: str, source: Path, examples: Path, out: Path) -> steps.Measured:
    """Run one of `BOUNDS`; the examples that `ignore` makes are those the later steps read."""
    component = name.partition(" ")[0]
    parameters = dict(steps.PARAMETERS[component])
    if component == "ingest_examples":
        keep = name.endswith("ignore")
        parameters |= {"source": str(source), "near_duplicates": "ignore" if keep else "together"}
        return steps.run(component, {"examples": examples if keep else out}, parameters, watch=True)
    return steps.run(component, {"examples": examples, steps.OUTPUTS[component]: out}, parameters, watch=True)


def total(measured: steps.Measured) -> float:
    """MB of the step's process and its largest child."""
    return measured.own_mb + measured.child_mb


def main() -> None:
    """Measure at every number of rows, print a table and one line per claim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the same as --rows 0.05,0.4")
    parser.add_argument("--rows", help="millions of rows, with commas between (1,8)")
    parser.add_argument("--only", nargs="+", choices=list(BOUNDS), metavar="STEP", help=", ".join(BOUNDS))
    parser.add_argument("--work", type=Path, help="folder for temporary files: 1 GB for a million rows")
    options = parser.parse_args()
    sizes = [float(size) for size in (options.rows or ("0.05,0.4" if options.quick else "1,8")).split(",")]
    names = [name for name in BOUNDS if name in (options.only or BOUNDS)]
    measured = {size: measure(round(size * 1e6), names, options.work) for size in sizes}
    print(f"\n{'':<42}{'rows':>8}{'seconds':>9}{'process':>10}{'child':>10}{'both':>10}{'growth':>8}")
    for name in names:
        first = total(measured[sizes[0]][name])
        for size in sizes:
            found = measured[size][name]
            memory = f"{found.own_mb:>7.0f} MB{found.child_mb:>7.0f} MB{total(found):>7.0f} MB"
            print(f"{name:<42}{size:>6g} M{found.seconds:>9.1f}{memory}{total(found) / first - 1:>+8.0%}")
    for name in names:
        bound, peak = BOUNDS[name] * total(measured[sizes[0]][name]), total(measured[sizes[-1]][name])
        claim = name.replace(" near_duplicates: ignore", "_without_near_duplicates")
        print(f"memory.{claim} ratio={bound / peak:.2f} ours={peak:.0f} MB peer={bound:.0f} MB (the promised bound)")


if __name__ == "__main__":
    main()

"""The same answer however the work is cut: files, workers, threads, processes, runner."""

import random
from pathlib import Path

import pytest

from components.augment_examples import augment_examples
from components.base import Runtime
from components.compute_statistics import compute_statistics
from components.ingest_examples import ingest_examples
from components.tokenize_examples import tokenize_examples
from schemas.artifacts import Examples, Statistics, Tokens

pytestmark = pytest.mark.slow

ENGINES = {
    "threads": ("--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_threading"),
    "processes": ("--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"),
    "portable": ("--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"),
}


def digests(folder: Path, source: str, vocabulary: Path, engine: tuple[str, ...]) -> dict[str, str]:
    """What each data step makes of a source."""

    def runtime(step: str) -> Runtime:
        (folder / step).mkdir(parents=True)
        return Runtime(scratch=folder / step, beam_options=engine)

    def complete(function, **values: object) -> dict[str, object]:
        return function.spec.validate(values)

    examples, augmented = Examples(folder / "examples"), Examples(folder / "augmented")
    statistics, tokens = Statistics(folder / "statistics"), Tokens(folder / "tokens")
    ingest_examples(examples, runtime("1"), **complete(ingest_examples, source=source))
    compute_statistics(examples, statistics, runtime("2"), **complete(compute_statistics))
    augment_examples(examples, augmented, runtime("3"), **complete(augment_examples, random_swap=0.3, balance=0.9))
    tokenize_examples(augmented, tokens, runtime("4"), **complete(tokenize_examples, vocabulary=str(vocabulary)))
    found = {"ingest": examples, "statistics": statistics, "augment": augmented, "tokenize": tokens}
    return {name: artifact.content_digest() for name, artifact in found.items()}


@pytest.fixture
def sources(tmp_path, sentiment_rows) -> dict[str, str]:
    """The same records in one file and, in another order, in four."""
    rows = sentiment_rows(300)
    rows += rows[:30]
    (tmp_path / "four").mkdir()
    for name, part in (
        ("one.csv", rows),
        *((f"four/{i}.csv", random.Random(i).sample(rows[i::4], len(rows[i::4]))) for i in range(4)),
    ):
        (tmp_path / name).write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in part))
    return {"one": str(tmp_path / "one.csv"), "four": str(tmp_path / "four" / "*.csv")}


@pytest.fixture
def vocabulary(tmp_path, tiny_vocabulary) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(tiny_vocabulary) + "\n")
    return path


def test_files_and_engines_do_not_show(tmp_path, sources, vocabulary):
    plain = digests(tmp_path / "plain", sources["one"], vocabulary, ("--runner=FnApiRunner", "--direct_num_workers=1"))
    assert len(set(plain.values())) == 4
    for name, engine in ENGINES.items():
        assert digests(tmp_path / name, sources["four"], vocabulary, engine) == plain, name

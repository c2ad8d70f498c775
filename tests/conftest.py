"""Tiny worlds: a ten-row data set and a width-four BERT, so that every test runs in seconds."""

import json
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.base import Runtime
from schemas.artifacts import Examples
from schemas.columns import Columns
from schemas.reports import ExamplesSummary

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

Rows = Sequence[tuple[str, str]]

WORDS = ["good", "fine", "great", "bad", "poor", "awful", "the", "film", "was", "a", "plot", "very"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    """A runtime as the local runner makes it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Runtime(scratch=scratch)


@pytest.fixture
def tiny_vocabulary() -> list[str]:
    """Five special tokens, twelve words, some letters and word pieces."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    return list(dict.fromkeys([*SPECIAL, *WORDS, *letters, *(f"##{letter}" for letter in letters), ".", "!"]))


@pytest.fixture
def sentiment_rows() -> Callable[[int], list[tuple[str, str]]]:
    """`sentiment_rows(n)`: n different short reviews, labelled by the one word that decides."""

    def make(count: int) -> list[tuple[str, str]]:
        rng = random.Random(count)
        rows: dict[str, str] = {}
        while len(rows) < count:
            label = rng.choice(["negative", "positive"])
            word = rng.choice(WORDS[:3] if label == "positive" else WORDS[3:6])
            words = [*rng.choices(WORDS[6:], k=rng.randint(1, 8)), word]
            rng.shuffle(words)
            rows[" ".join(words)] = label
        return list(rows.items())

    return make


@pytest.fixture
def write_examples(tmp_path: Path) -> Callable[..., Examples]:
    """`write_examples(train=[(text, label), …], eval=…, test=…)`: an Examples artifact with two shards a split."""

    def write(**splits: Rows) -> Examples:
        import pyarrow as pa
        import pyarrow.parquet as pq

        examples = Examples(tmp_path / "examples")
        schema = Columns().arrow_schema()
        for split in ("train", "eval", "test"):
            rows = splits.get(split, [])
            for shard in (0, 1):
                part = [(f"{split}-{i:04d}", *row) for i, row in enumerate(rows) if i % 2 == shard]
                columns = {name: [row[i] for row in part] for i, name in enumerate(("id", "text", "label"))}
                table = pa.table(
                    [pa.array(columns.get(field.name, [None] * len(part)), field.type) for field in schema], schema
                )
                path = examples.shard(split, shard, 2)
                path.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(table, path)
        labels = {
            split: {label: [row[1] for row in rows].count(label) for label in sorted({row[1] for row in rows})}
            for split, rows in splits.items()
        }
        counts = {split: len(rows) for split, rows in splits.items()}
        examples.write_summary(ExamplesSummary(rows_read=sum(counts.values()), rows=counts, labels=labels, rejected={}))
        return examples

    return write


@pytest.fixture(scope="session")
def make_backbone() -> Callable[..., Any]:
    """`make_backbone(vocabulary, width=4, …)`: a small KerasHub BERT with seeded random weights."""

    def make(vocabulary: Sequence[str], *, width: int = 4, layers: int = 1, dtype: str = "float32") -> Any:
        import keras
        import keras_hub

        keras.utils.set_random_seed(7)
        return keras_hub.models.BertBackbone(
            vocabulary_size=len(vocabulary),
            num_layers=layers,
            num_heads=2,
            hidden_dim=width,
            intermediate_dim=2 * width,
            max_sequence_length=32,
            dtype=dtype,
        )

    return make


@pytest.fixture(scope="session")
def make_tiny_preset(make_backbone: Callable[..., Any]) -> Callable[..., Path]:
    """`make_tiny_preset(folder, vocabulary, width=4)`: a KerasHub preset of that BERT and its tokenizer."""

    def make(folder: Path, vocabulary: Sequence[str], *, width: int = 4) -> Path:
        import keras_hub

        make_backbone(vocabulary, width=width).save_to_preset(str(folder))
        tokenizer = keras_hub.models.BertTokenizer(vocabulary=list(vocabulary), lowercase=True)
        tokenizer.save_to_preset(str(folder))
        return folder

    return make


@pytest.fixture
def tiny_preset(tmp_path: Path, tiny_vocabulary: list[str], make_tiny_preset: Callable[..., Path]) -> Path:
    """A preset folder with the tiny vocabulary."""
    return make_tiny_preset(tmp_path / "tiny_bert", tiny_vocabulary)


@pytest.fixture
def write_json() -> Callable[[Path, object], Path]:
    """`write_json(path, value)`."""

    def write(path: Path, value: object) -> Path:
        path.write_text(json.dumps(value))
        return path

    return write


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` rewrites the files that people read; then read the diff."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files instead of comparing")


@pytest.fixture
def assert_golden(request: pytest.FixtureRequest) -> Callable[[str, Path], None]:
    """`assert_golden(text, path)`: the text equals the file."""

    def compare(text: str, golden: Path) -> None:
        if request.config.getoption("--update-golden"):
            golden.write_text(text)
        assert text == golden.read_text(), (
            f"{golden.name} changed. If you meant it: pytest --update-golden, then read the diff before committing."
        )

    return compare

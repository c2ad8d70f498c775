"""The Beam pipelines of tokenizing: shards of examples to shards of tokens, and to counts of their words."""

from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import pyarrow.parquet as pq

from models import beam_runs
from models.tokens.token_counts import TokenCounts
from models.tokens.token_shards import Layout, Shard, TokenizeShard
from models.tokens.vocabulary_learning import CountWords, WordCounts, read_counts
from schemas.artifacts import SPLITS, Examples, Tokens


def write_tokens(
    examples: Examples, tokens: Tokens, layout: Layout, scratch: Path, beam_options: Sequence[str]
) -> dict[str, TokenCounts]:
    """Write the tokens of every shard; returns what each split's shards add up to."""
    shards: dict[str, list[Shard]] = {}
    for split in SPLITS:
        files = examples.shards(split)
        targets = [tokens.shard(split, index, len(files)) for index in range(len(files))]
        (tokens.path / split).mkdir(parents=True, exist_ok=True)
        counts = [scratch / f"{split}-{index}.json" for index in range(len(files))]
        shards[split] = [Shard(*map(str, places)) for places in zip(files, targets, counts, strict=True)]
    work = [(Path(shard.source), shard) for split in SPLITS for shard in shards[split]]
    _for_each(work, TokenizeShard(layout), beam_options)
    return {split: TokenCounts.total(Path(shard.counts) for shard in shards[split]) for split in SPLITS}


def count_words(
    files: Sequence[Path], columns: tuple[str, ...], *, lowercase: bool, scratch: Path, beam_options: Sequence[str]
) -> WordCounts:
    """The words of some shards and how often each occurs."""
    targets = [scratch / f"words-{index}.parquet" for index in range(len(files))]
    work = [(file, (str(file), str(target))) for file, target in zip(files, targets, strict=True)]
    _for_each(work, CountWords(columns, lowercase=lowercase), beam_options)
    return read_counts(targets)


def _for_each(work: Sequence[tuple[Path, object]], do: beam.DoFn, beam_options: Sequence[str]) -> None:
    """Do something with each of some (Parquet file, element), in threads: Arrow and TensorFlow leave Python's lock.

    A million short rows take 5 s of processor time in threads, and 17 s in two processes that load TensorFlow first.
    """
    sizes = {file: _uncompressed(file) for file, _ in work}
    # Beam deals elements to its workers in turn: in the order of their sizes all get about the same.
    elements = [element for _, element in sorted(work, key=lambda pair: sizes[pair[0]], reverse=True)]
    options = beam_runs.options(beam_options, sum(sizes.values()), mode="multi_threading")
    pipeline = beam.Pipeline(options=options)
    _ = pipeline | beam.Create(elements) | beam.Reshuffle() | beam.ParDo(do)
    beam_runs.run(pipeline)


def _uncompressed(file: Path) -> int:
    """Bytes of all columns as Parquet encodes them."""
    metadata = pq.read_metadata(file)
    return sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))

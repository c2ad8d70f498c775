"""The Beam part of ingesting: pieces of a source in, Parquet shards out. Elements are record batches."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.exchange import Reference, Spill, fetch
from models.readers import REJECTS, read
from models.sources import Piece, Source, pieces
from models.splitting import Buckets, content_ids, number_repeats
from schemas.artifacts import SPLITS, Examples

RECORDS = pa.schema({"id": pa.string(), "text": pa.string(), "label": pa.string()})
REJECTED = "rejected"
REJECTS_KEY = -1
ROWS_READ = beam.metrics.Metrics.counter("ingest_examples", "rows_read")


class ReadRows(beam.DoFn):
    """A piece of the source to record batches with schema RECORDS; broken records go to output `rejected`."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def process(self, piece: Piece) -> Iterator[pa.RecordBatch]:
        """Read one piece."""
        for rows in read(piece, self._source):
            ROWS_READ.inc(rows.count)
            if rows.rejected.num_rows:
                yield beam.pvalue.TaggedOutput(REJECTED, rows.rejected)
            if rows.kept.num_rows:
                text, label = rows.kept.columns
                yield pa.record_batch([content_ids(text, label), text, label], schema=RECORDS)


class WriteShard(beam.DoFn):
    """Fetch the rows of one shard slice by slice, sort each by id and append it to the shard's file."""

    def __init__(self, examples: Examples, buckets: Buckets) -> None:
        self._examples = examples
        self._buckets = buckets

    def process(self, group: tuple[int, Iterable[tuple[int, Reference]]]) -> None:
        """Write one file."""
        key, references = group
        if key == REJECTS_KEY:
            write_rejects(self._examples, fetch((reference for _, reference in references), REJECTS))
            return
        by_slice: dict[int, list[Reference]] = {}
        for part, reference in references:
            by_slice.setdefault(part, []).append(reference)
        split, shard, _ = self._buckets.place(key * self._buckets.slices)
        with pq.ParquetWriter(shard_file(self._examples, split, shard, self._buckets.shards), RECORDS) as writer:
            for _, part_references in sorted(by_slice.items()):
                rows = fetch(part_references, RECORDS).sort_by("id").combine_chunks()
                ids = number_repeats(rows["id"].combine_chunks())
                writer.write_table(rows.set_column(0, "id", ids))


def ingest(pipeline: beam.Pipeline, source: Source, buckets: Buckets, spill: str, examples: Examples) -> None:
    """Add all steps to a pipeline."""
    read_rows = (
        pipeline
        | "Pieces" >> beam.Create(list(pieces(source)))
        | "Spread" >> beam.Reshuffle()
        | "Read" >> beam.ParDo(ReadRows(source)).with_outputs(REJECTED, main="rows")
    )

    def bucket_of(batch: pa.RecordBatch) -> np.ndarray:
        return buckets.of(batch.column("text"), batch.column("id"))

    def rejects_bucket(batch: pa.RecordBatch) -> np.ndarray:
        return np.full(len(batch), REJECTS_KEY * buckets.slices)

    kept = read_rows.rows | "SpillRows" >> beam.ParDo(Spill(spill, RECORDS, bucket_of))
    rejected = read_rows[REJECTED] | "SpillRejects" >> beam.ParDo(Spill(spill, REJECTS, rejects_bucket))
    _ = (
        (kept, rejected)
        | "Both" >> beam.Flatten()
        | "ByShard" >> beam.MapTuple(lambda bucket, file: (bucket // buckets.slices, (bucket % buckets.slices, file)))
        | "Exchange" >> beam.GroupByKey()
        | "Write" >> beam.ParDo(WriteShard(examples, buckets))
    )


def shard_file(examples: Examples, split: str, shard: int, shards: int) -> str:
    """Where a shard goes; makes its folder."""
    path = examples.shard(split, shard, shards)
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(path)


def write_rejects(examples: Examples, rejects: pa.Table) -> None:
    """Write the rejected records in the order of the source."""
    rejects = rejects.sort_by([("file", "ascending"), ("row", "ascending")])
    pq.write_table(rejects, shard_file(examples, "rejects", 0, 1))


def write_missing_files(examples: Examples, shards: int) -> None:
    """Few records leave some shards without any: give each an empty file, and the rejects too."""
    for split in SPLITS:
        for shard in range(shards):
            if not examples.shard(split, shard, shards).exists():
                pq.write_table(RECORDS.empty_table(), shard_file(examples, split, shard, shards))
    if not examples.shard("rejects", 0, 1).exists():
        write_rejects(examples, REJECTS.empty_table())


def count_labels(examples: Examples, split: str) -> dict[str, int]:
    """Rows per label of a split, by label."""
    return _counts(examples.shards(split), "label")


def count_reasons(examples: Examples) -> dict[str, int]:
    """Rejected records per reason."""
    return _counts(examples.shards("rejects"), "reason")


def describe_rejects(examples: Examples, count: int) -> str:
    """A line each for the first rejected records."""
    rejects = pq.read_table(examples.shard("rejects", 0, 1)).slice(0, count).to_pylist()
    return "\n".join(
        f"  {reject['file']} record {reject['row']}, {reject['reason']}: {reject['record'][:120]!r}"
        for reject in rejects
    )


def _counts(files: list[Path], column: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for file in files:
        for value in pq.read_table(file, columns=[column])[column].value_counts().to_pylist():
            counts[value["values"]] += value["counts"]
    return dict(sorted(counts.items()))

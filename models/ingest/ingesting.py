"""The Beam part of ingesting, in two pipelines; elements are record batches.

```
pieces ─ ReadPiece ─ Spill ─ (GroupByKey) ─ SettleBucket     read, clean; bring equal texts together; settle duplicates
decide                                                       who belongs together, where splits begin (grouping.py)
shards ─ WriteShard                                          deal every record to its split and write the files
```

What one leaves to the other lies in the plan's folder (plan.py).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.beam_runs import complaints_to
from models.ingest.arrow_files import read_table, write_table
from models.ingest.dropping import split_off
from models.ingest.exchange import Reference, Spill, fetch
from models.ingest.grouping import Decision, strata_of
from models.ingest.normalising import normalised
from models.ingest.plan import Plan
from models.ingest.preparing import Preparation
from models.ingest.records import REFUSED, whole
from models.ingest.settling import CONTRADICTIONS, settle
from models.ingest.sketch_files import write_signatures
from models.ingest.sketches import signatures
from models.ingest.splitting import TRAIN
from models.reading.readers import Rows, place, read
from models.reading.transcoding import show
from schemas.artifacts import SPLITS, Examples
from schemas.columns import Columns

REJECTS = pa.schema(
    {
        "file": pa.string(),
        "row": pa.int64(),
        "reason": pa.string(),
        "record": pa.string(),
        "duplicate_of": pa.string(),
    }
)


class ReadPiece(beam.DoFn):
    """The number of a piece to its records; what is refused is written down."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def process(self, number: int) -> Iterator[pa.RecordBatch]:
        """Read and clean one piece."""
        origin = self._plan.origins[number]
        with complaints_to(self._plan.complaints), Preparation(self._plan, number) as preparation:
            for found in read(origin.piece, origin.source):
                yield from preparation.of(found)


class PrepareTable(beam.DoFn):
    """Records that an engine's connector reads; one part of the piece's files for each bundle."""

    def __init__(self, plan: Plan, number: int) -> None:
        self._plan = plan
        self._number = number

    def start_bundle(self) -> None:
        """Begin a part."""
        self._preparation = Preparation(self._plan, self._number, part=uuid4().hex)

    def process(self, found: Rows) -> Iterator[pa.RecordBatch]:
        """Clean some thousand records."""
        yield from self._preparation.of(found)

    def finish_bundle(self) -> None:
        """Complete the part."""
        self._preparation.close()


class SettleBucket(beam.DoFn):
    """Fetch the records of a bucket and settle its duplicates and contradictions."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, Iterable[Reference]]) -> None:
        """Write what stays, what does not, and the signatures of what stays."""
        plan = self._plan
        number, references = group
        settled = settle(
            fetch(references, plan.schema),
            plan.columns,
            named=plan.named,
            duplicates=plan.duplicates,
            contradictions=plan.contradictions,
        )
        write_table(plan.file("duplicates", number), settled.refused)
        write_table(plan.file("contradictions", number), settled.contradictions)
        if plan.near_duplicates is not None:
            keys, first = np.unique(settled.records["key"].to_numpy(), return_index=True)
            texts = _texts(settled.records, plan.columns).take(pa.array(first))
            sketched = signatures(texts, plan.near_duplicates)
            write_signatures(plan.folder / "signatures", f"{number:06d}", keys, sketched, plan.near_duplicates)
        write_table(plan.file("settled", number), settled.records)


class WriteShard(beam.DoFn):
    """The number of a shard to its files: one of each split, and one of rejects."""

    def __init__(self, plan: Plan, decision: Decision, examples: Examples, rows_before: list[int]) -> None:
        self._plan = plan
        self._decision = decision
        self._examples = examples
        self._rows_before = rows_before

    def process(self, shard: int) -> None:
        """Write one shard; its rejects are held in memory at once."""
        plan = self._plan
        rejects = [
            read_table(file, REFUSED) for number, file in plan.parts("refused") if number % plan.buckets.shards == shard
        ]
        with ExitStack() as stack:
            writers = [stack.enter_context(self._writer(split, shard)) for split in SPLITS]
            for bucket in plan.buckets.of_shard(shard):
                rejects.append(read_table(plan.file("duplicates", bucket), REFUSED))
                rows, dropped = split_off(plan, bucket)
                rejects.append(dropped)
                splits = self._splits(rows)
                for index, writer in enumerate(writers):
                    part = rows.filter(pa.array(splits == index))
                    if len(part):
                        writer.write_table(part.select(plan.columns.arrow_schema().names).combine_chunks())
        self._write_rejects(pa.concat_tables(rejects), shard)

    def _writer(self, split: str, shard: int) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            shard_file(self._examples, split, shard, self._plan.buckets.shards), self._plan.columns.arrow_schema()
        )

    def _splits(self, rows: pa.Table) -> np.ndarray:
        """The split of each row: as the source gives it, train dealt out where it gives no others."""
        splits = rows["given"].to_numpy().astype(np.int64)
        open_rows = splits == TRAIN
        dealt = rows.filter(pa.array(open_rows))
        if len(dealt):
            keys = dealt["group" if self._plan.grouped else "key"].to_numpy()
            strata = strata_of(dealt) if self._plan.stratify else None
            splits[open_rows] = self._decision.splits.of(keys, strata)
        return splits

    def _write_rejects(self, refused: pa.Table, shard: int) -> None:
        """Say file and record instead of piece and record, and sort by them."""
        origins, before = self._plan.origins, self._rows_before
        places = [
            place(origins[piece].piece, row, before[piece], origins[piece].source)
            for piece, row in zip(refused["piece"].to_pylist(), refused["row"].to_pylist(), strict=True)
        ]
        columns = [
            pa.array([show(file) for file, _ in places], pa.string()),
            pa.array([row for _, row in places], pa.int64()),
            *(whole(refused[name]) for name in REJECTS.names[2:]),
        ]
        table = pa.Table.from_arrays(columns, schema=REJECTS).sort_by([("file", "ascending"), ("row", "ascending")])
        pq.write_table(table, shard_file(self._examples, "rejects", shard, self._plan.buckets.shards))


def read_and_settle(pipeline: beam.Pipeline, plan: Plan) -> None:
    """Add the first pipeline's steps."""
    plan.make_folders()

    def bucket_of(batch: pa.RecordBatch) -> np.ndarray:
        return plan.buckets.of(batch.column(batch.schema.get_field_index("key")).to_numpy())

    _ = (
        tuple(_records(pipeline, plan))
        | "Together" >> beam.Flatten()
        | "Spill" >> beam.ParDo(Spill(str(plan.folder / "rows"), plan.schema, bucket_of))
        | "Exchange" >> beam.GroupByKey()
        | "Settle" >> beam.ParDo(SettleBucket(plan))
    )


def _records(pipeline: beam.Pipeline, plan: Plan) -> Iterator[beam.PCollection]:
    """Prepared records of all files, and of each table."""
    tables = [n for n, origin in enumerate(plan.origins) if origin.source.format == "bigquery"]
    files = [n for n in range(len(plan.origins)) if n not in tables]
    yield (
        pipeline | "Pieces" >> beam.Create(files) | "Spread" >> beam.Reshuffle() | "Read" >> beam.ParDo(ReadPiece(plan))
    )
    for number in tables:
        from models.reading.bigquery import ReadTable

        rows = pipeline | f"Table{number}" >> ReadTable(plan.origins[number].source)
        yield rows | f"Prepare{number}" >> beam.ParDo(PrepareTable(plan, number))


def write_shards(pipeline: beam.Pipeline, plan: Plan, decision: Decision, examples: Examples) -> None:
    """Add the second pipeline's steps."""
    _ = (
        pipeline
        | "Shards" >> beam.Create(range(plan.buckets.shards))
        | "Spread" >> beam.Reshuffle()
        | "Write" >> beam.ParDo(WriteShard(plan, decision, examples, plan.rows_before()))
    )


def write_contradictions(plan: Plan, examples: Examples) -> int:
    """Bring the lists of all buckets together; returns the number of texts."""
    count = 0
    with pq.ParquetWriter(examples.contradictions, CONTRADICTIONS) as writer:
        for file in sorted((plan.folder / "contradictions").iterdir()):
            table = read_table(file, CONTRADICTIONS)
            if len(table):
                writer.write_table(table)
                count += len(table)
    return count


def shard_file(examples: Examples, split: str, shard: int, shards: int) -> str:
    """Where a shard goes; makes its folder."""
    path = examples.shard(split, shard, shards)
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(path)


def count_values(files: Iterable[Path], column: str) -> dict[str, int]:
    """How often each value occurs in a column, by value; each item of a list counts."""
    counts: Counter[str] = Counter()
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(columns=[column], use_threads=False):
            values = batch.column(0)
            values = values.flatten() if pa.types.is_list(values.type) else values
            for value in values.value_counts().to_pylist():
                counts[value["values"]] += value["counts"]
    return dict(sorted(counts.items()))


def count_rows(files: Iterable[Path]) -> int:
    """Rows of some Parquet files."""
    return sum(pq.read_metadata(file).num_rows for file in files)


def describe_rejects(examples: Examples, apart_from: Iterable[str]) -> str:
    """A line for the first record of each reason, apart from some reasons."""
    rejects = pa.concat_tables([pq.read_table(file) for file in examples.shards("rejects")])
    first: dict[str, dict[str, Any]] = {}
    for reject in rejects.sort_by([("file", "ascending"), ("row", "ascending")]).to_pylist():
        if reject["reason"] not in apart_from:
            first.setdefault(reject["reason"], reject)
    return "\n".join(
        f"  {reject['file']} record {reject['row']}, {reason}: {reject['record'][:120]!r}"
        for reason, reject in first.items()
    )


def _texts(rows: pa.Table, columns: Columns) -> pa.Array:
    """The text of each record in the form in which duplicates are compared; both of a pair."""
    texts = [normalised(whole(rows[name])) for name in columns.texts()]
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, " ")

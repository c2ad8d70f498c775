"""The Beam part of augmenting: one Parquet shard in, the same rows and their changed copies out, sorted by id."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.augmentation.plan import TEXT_RULES, AugmentationPlan
from models.augmentation.rules import build
from models.ingest.identity import keys_of
from schemas.columns import Columns

# Rows with their copies that a worker holds at a time, roughly.
BATCH_ROWS = 8192
OUTCOMES = ("added", "unchanged", "repeated", "dissimilar")
ADDED, UNCHANGED, REPEATED, DISSIMILAR = range(4)
MARK = "augmentation"


def counter(rule: str, outcome: str) -> beam.metrics.Metrics.DelegatingCounter:
    """Copies by what became of them."""
    return beam.metrics.Metrics.counter("augment_examples", f"{rule}/{outcome}")


class AugmentShard(beam.DoFn):
    """Write a shard of the train split with its copies.

    Args:
        plan: which copies to make.
        columns: of the shards; none are augmented yet.
        knowledge: the folder that `augmentation_rules.prepare` filled.
        preset: encoder for `min_similarity`.
        min_similarity: least cosine of an edited text and its original; None lets all pass.
        wanted_by: `component.parameter` of the preset, for error messages.
    """

    def __init__(
        self,
        plan: AugmentationPlan,
        columns: Columns,
        knowledge: str,
        preset: str,
        min_similarity: float | None,
        wanted_by: str,
    ) -> None:
        self._plan = plan
        self._columns = columns
        self._knowledge = knowledge
        self._preset = preset
        self._min_similarity = min_similarity
        self._wanted_by = wanted_by

    def setup(self) -> None:
        """Build rules and encoder once per worker."""
        self._rules = build(self._plan, self._columns, Path(self._knowledge))
        if self._min_similarity is not None:
            from models.augmentation.text_similarity import TextEncoder

            self._encoder = TextEncoder(self._preset, wanted_by=self._wanted_by)

    def process(self, shard: tuple[str, str]) -> Iterator[None]:
        """Augment one shard: where it lies and where it goes."""
        source, target = shard
        schema = augmented_schema(self._columns)
        waiting = schema.empty_table()
        with pq.ParquetWriter(target, schema) as writer:
            for batch in read_sorted(source, max(64, BATCH_ROWS // (1 + self._plan.most_copies))):
                rows = pa.concat_tables([waiting, marked(batch, None, schema), *self._copies(batch)]).sort_by("id")
                # `a~...` comes after `a-2`: copies may have to wait for originals of the next batch.
                ready = pc.sum(pc.less_equal(rows["id"], batch.column("id")[-1])).as_py()
                writer.write_table(rows.slice(0, ready))
                waiting = rows.slice(ready).combine_chunks()
            if len(waiting):
                writer.write_table(waiting)
        yield from ()

    def _copies(self, batch: pa.RecordBatch) -> list[pa.Table]:
        """All copies of some rows, as a table for each rule and number."""
        schema = augmented_schema(self._columns)
        keys = keys_of(batch.column("id"))
        counts = self._plan.copies_of(keys, batch.column("label") if self._columns.label is not None else None)
        seen: set[tuple[object, ...]] = set()
        copies: list[tuple[str, np.ndarray, pa.Table, np.ndarray]] = []
        for (name, rule), wanted in zip(self._rules.items(), counts.T, strict=True):
            for copy in range(1, int(wanted.max(initial=0)) + 1):
                rows = np.flatnonzero(wanted >= copy)
                edited, changed = rule(batch.take(pa.array(rows)), self._plan.seeds(keys[rows], name, copy))
                outcomes = np.where(changed, ADDED, UNCHANGED)
                if name in TEXT_RULES:
                    _mark_repeated(edited, rows, self._columns.texts(), seen, outcomes)
                ids = pc.binary_join_element_wise(edited.column("id"), f"~{name}-{copy}", "")
                edited = edited.set_column(0, "id", ids)
                copies.append((name, rows, marked(edited, name, schema), outcomes))
        self._mark_dissimilar(batch, copies)
        for name, _, _, outcomes in copies:
            for outcome, count in enumerate(np.bincount(outcomes, minlength=len(OUTCOMES)).tolist()):
                counter(name, OUTCOMES[outcome]).inc(count)
        return [table.filter(pa.array(outcomes == ADDED)) for _, _, table, outcomes in copies]

    def _mark_dissimilar(
        self, batch: pa.RecordBatch, copies: list[tuple[str, np.ndarray, pa.Table, np.ndarray]]
    ) -> None:
        """Encode all texts at once: small batches cost as much as full ones."""
        judged = [copy for copy in copies if copy[0] in TEXT_RULES]
        if self._min_similarity is None or not judged:
            return
        is_new = [outcomes == ADDED for *_, outcomes in judged]
        least = np.ones(sum(map(np.sum, is_new)))
        for name in self._columns.texts():
            old, new = [], []
            for (_, rows, table, _), kept in zip(judged, is_new, strict=True):
                old += batch.column(name).take(pa.array(rows[kept])).to_pylist()
                new += table[name].filter(pa.array(kept)).to_pylist()
            cosines = self._encoder.similarity([text or "" for text in old], [text or "" for text in new])
            least = np.minimum(least, cosines)
        ends = np.cumsum([0, *map(np.sum, is_new)])
        for (*_, outcomes), kept, (start, end) in zip(judged, is_new, pairwise(ends), strict=True):
            outcomes[np.flatnonzero(kept)[least[start:end] < self._min_similarity]] = DISSIMILAR


def augmented_schema(columns: Columns) -> pa.Schema:
    """Of Examples with these columns and the mark of the rule."""
    return columns.model_copy(update={"augmentation": True}).arrow_schema()


def marked(batch: pa.RecordBatch, rule: str | None, schema: pa.Schema) -> pa.Table:
    """The rows with the name of the rule that made them behind; null for originals."""
    mark = pa.array([rule] * len(batch), pa.string()) if rule else pa.nulls(len(batch), pa.string())
    return pa.table([*batch.columns, mark], [*batch.schema.names, MARK]).select(schema.names).cast(schema)


def copy_marked(source: Path, target: Path, columns: Columns) -> None:
    """Write a shard again as it is, with an empty mark for every row."""
    schema = augmented_schema(columns)
    with pq.ParquetWriter(target, schema) as writer:
        for batch in pq.ParquetFile(source).iter_batches(BATCH_ROWS, use_threads=False):
            writer.write_table(marked(batch, None, schema))


def read_sorted(file: str, rows: int) -> Iterator[pa.RecordBatch]:
    """A shard's rows by id, some at a time. Shards are written sorted; another one is sorted in memory."""
    if _is_sorted(file):
        yield from filter(len, pq.ParquetFile(file).iter_batches(rows, use_threads=False))
    else:
        yield from pq.read_table(file).sort_by("id").combine_chunks().to_batches(rows)


def _is_sorted(file: str) -> bool:
    last = ""
    for batch in pq.ParquetFile(file).iter_batches(65_536, columns=["id"], use_threads=False):
        ids = pa.concat_arrays([pa.array([last], pa.string()), batch.column(0)])
        if pc.any(pc.less(ids[1:], ids[:-1])).as_py():
            return False
        last = ids[-1].as_py()
    return True


def _mark_repeated(
    edited: pa.RecordBatch,
    rows: np.ndarray,
    names: tuple[str, ...],
    seen: set[tuple[object, ...]],
    outcomes: np.ndarray,
) -> None:
    """Mark copies that equal an earlier copy of their row, and remember the others."""
    texts = zip(rows.tolist(), *(edited.column(name).to_pylist() for name in names), strict=True)
    for place, copy in enumerate(texts):
        if outcomes[place] == ADDED:
            outcomes[place] = REPEATED if copy in seen else ADDED
            seen.add(copy)

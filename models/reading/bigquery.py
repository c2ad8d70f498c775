"""BigQuery tables, read by Beam's own connector; needs the `gcp` extra."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from models.reading.blocks import BLOCK_ROWS, records_block, shown_record
from models.reading.judging import Rows, judge
from models.reading.sources import Source


class ReadTable(beam.PTransform):
    """The records of a table as a PCollection of `Rows`. A table has no order: every `row` is 0.

    Args:
        source: of format bigquery.
        records: what to read instead of the table: a PTransform that gives a dict for each record.
    """

    def __init__(self, source: Source, records: beam.PTransform | None = None) -> None:
        super().__init__()
        self._source = source
        self._records = records or beam.io.ReadFromBigQuery(
            table=source.root.replace(".", ":", 1),
            selected_fields=source.roles.source_columns(),
            method=beam.io.ReadFromBigQuery.Method.DIRECT_READ,
        )

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Read and judge."""
        return (
            pipeline
            | "ReadRecords" >> self._records
            | beam.BatchElements(min_batch_size=BLOCK_ROWS // 8, max_batch_size=BLOCK_ROWS)
            | "Judge" >> beam.ParDo(JudgeRecords(self._source))
        )


class JudgeRecords(beam.DoFn):
    """Lists of dicts to `Rows`."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def process(self, records: list[dict[str, Any]]) -> Iterator[Rows]:
        """Judge some thousand records."""
        roles = self._source.roles
        nothing = [None] * len(records)
        block = records_block([0] * len(records), records, roles, nothing, lambda i: shown_record(records[i]))
        yield judge(block, roles)

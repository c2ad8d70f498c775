"""Bring labelled text in: read, refuse what is broken with a reason, split by content, write Parquet shards."""

import shutil
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from components.base import Location, Metrics, Output, Runtime, component
from models.source_checks import check_shares, check_source
from models.sources import Format, Source, find_source
from schemas.artifacts import SPLITS, Examples
from schemas.errors import UserError
from schemas.reports import ExamplesSummary

if TYPE_CHECKING:
    from models.splitting import Buckets

# What a writer holds in memory at a time, roughly, in bytes of source. 4 million short rows (285 MB) peak at 375 MB
# with 8 MB and at 584 MB with 64 MB, in the same time.
SLICE_BYTES = 8 << 20


def check(
    source: str,
    format: str,
    text: str,
    label: str,
    encoding: str,
    eval_share: float,
    test_share: float,
    max_reject_rate: float,
) -> None:
    """Look at the files and at the first records before anything runs."""
    check_shares(eval_share, test_share)
    check_source(find_source(source, format=format, encoding=encoding, text=text, label=label), max_reject_rate)


@component(check=check)
def ingest_examples(
    examples: Output[Examples],
    runtime: Runtime,
    *,
    source: Annotated[Location, Field(description="file, glob, folder or package://name/path")],
    format: Format = "auto",
    text: Annotated[str, Field(description="column with the text; not for folders")] = "text",
    label: Annotated[str, Field(description="column with the label; not for folders")] = "label",
    encoding: Annotated[str, Field(description="of text files, as Python names it")] = "utf-8",
    eval_share: Annotated[float, Field(gt=0, lt=1, description="share of texts for choosing the model")] = 0.1,
    test_share: Annotated[float, Field(gt=0, lt=1, description="share of texts for judging it")] = 0.1,
    seed: Annotated[int, Field(description="another seed deals the texts to other splits")] = 0,
    shards: Annotated[int, Field(ge=1, le=1000, description="files per split")] = 4,
    max_reject_rate: Annotated[float, Field(ge=0, le=1, description="share of records that may be broken")] = 0.01,
) -> Metrics:
    """Read labelled texts and split them by content; every broken record is kept with its reason."""
    from models.splitting import Buckets

    found = find_source(source, format=format, encoding=encoding, text=text, label=label)
    size = sum(file.stat().st_size for file in found.files)
    buckets = Buckets(eval_share, test_share, seed, shards, slices=min(256, 1 + size // shards // SLICE_BYTES))
    runtime.report(None, f"reading {len(found.files)} files of format {found.format}")
    rows_read = _run_pipeline(found, buckets, examples, runtime)

    summary = _summarize(rows_read, examples)
    _refuse_too_many_rejects(summary, examples, max_reject_rate)
    _refuse_useless_splits(summary, eval_share, test_share)
    examples.write_summary(summary)
    return {
        "rows": sum(summary.rows.values()),
        "rejected": sum(summary.rejected.values()),
        "labels": len(summary.labels["train"]),
        **{f"{split}_rows": rows for split, rows in summary.rows.items()},
    }


def _run_pipeline(source: Source, buckets: "Buckets", examples: Examples, runtime: Runtime) -> int:
    """Write the shards and the rejects; returns the number of records read."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from models.ingesting import ROWS_READ, ingest, write_missing_files

    spill = runtime.scratch / "spill"
    shutil.rmtree(spill, ignore_errors=True)  # what a killed run left behind
    spill.mkdir(parents=True)
    pipeline = beam.Pipeline(options=PipelineOptions(list(runtime.beam_options)))
    ingest(pipeline, source, buckets, str(spill), examples)
    result = pipeline.run()
    result.wait_until_finish()
    write_missing_files(examples, buckets.shards)
    rows_read = beam.metrics.MetricsFilter().with_name(ROWS_READ.metric_name.name)
    return sum(counter.result for counter in result.metrics().query(rows_read)["counters"])


def _summarize(rows_read: int, examples: Examples) -> ExamplesSummary:
    """Count what was written; every record that was read must be there."""
    from models.ingesting import count_labels, count_reasons

    labels = {split: count_labels(examples, split) for split in SPLITS}
    rows = {split: sum(counts.values()) for split, counts in labels.items()}
    rejected = count_reasons(examples)
    if rows_read != sum(rows.values()) + sum(rejected.values()):
        raise RuntimeError(f"read {rows_read} records but kept {rows} and rejected {rejected}")
    return ExamplesSummary(rows_read=rows_read, rows=rows, labels=labels, rejected=rejected)


def _refuse_too_many_rejects(summary: ExamplesSummary, examples: Examples, max_reject_rate: float) -> None:
    from models.ingesting import describe_rejects

    rejected = sum(summary.rejected.values())
    if summary.rows_read and rejected / summary.rows_read > max_reject_rate:
        raise UserError(
            f"ingest_examples: {rejected:,} of {summary.rows_read:,} records are broken "
            f"({', '.join(f'{count:,} {reason}' for reason, count in summary.rejected.items())}); "
            f"max_reject_rate allows {max_reject_rate:g} of them. For example:\n"
            f"{describe_rejects(examples, 3)}\n"
            "Repair the source, set encoding:, text: or label:, or raise max_reject_rate."
        )


def _refuse_useless_splits(summary: ExamplesSummary, eval_share: float, test_share: float) -> None:
    empty = [split for split, rows in summary.rows.items() if not rows]
    if empty:
        raise UserError(
            f"ingest_examples: {sum(summary.rows.values())} good records leave {' and '.join(empty)} empty with "
            f"eval_share {eval_share:g} and test_share {test_share:g}. Give more records or other shares."
        )
    labels = list(summary.labels["train"])
    if len(labels) < 2:
        raise UserError(
            f"ingest_examples: all {summary.rows['train']} train records carry the one label '{labels[0]}'. A "
            "classifier needs at least two; look at source: and label:."
        )

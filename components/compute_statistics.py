"""What the rows look like, before anything is learnt from them."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from components.base import Input, Metrics, OptionalPreset, Output, Runtime, component
from models.presets import locate
from models.tokens.vocabularies import check_source, check_vocabulary, load_vocabulary
from schemas.artifacts import SPLITS, Examples, Statistics

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

WHERE = "compute_statistics.vocabulary"


def check(vocabulary: str | None) -> None:
    """Look at a local preset or vocabulary before anything runs."""
    if vocabulary is None:
        return
    check_source(vocabulary, wanted_by=WHERE)


@component(check=check)
def compute_statistics(
    examples: Input[Examples],
    statistics: Output[Statistics],
    runtime: Runtime,
    *,
    vocabulary: Annotated[
        OptionalPreset,
        Field(description="BERT preset or vocab.txt whose WordPieces to count; without it, lower-cased words"),
    ] = None,
    top_values: Annotated[int, Field(ge=1, le=1000, description="most frequent values to list per column")] = 20,
) -> Metrics:
    """Describe every column of every split in one pass: presence, distributions, labels, lengths, tokens, repeats.

    Where labels are classes, the tokens of each label's texts are features too (`text/token|label=<label>`), for the
    20 labels that the summary of the Examples says are the most frequent in the train split.
    """
    from models.statistics.page import render
    from models.statistics.report import headline, report_of

    words, lowercase = None, False
    if vocabulary is not None:
        runtime.report(None, "loading the vocabulary")
        words, lowercase = load_vocabulary(locate(vocabulary, wanted_by=WHERE), wanted_by=WHERE)
        check_vocabulary(words)
    proto = _run_pipeline(examples, runtime, words, lowercase=lowercase, top_values=top_values)
    statistics.path.mkdir(parents=True, exist_ok=True)
    statistics.proto_file.write_bytes(proto.SerializeToString(deterministic=True))
    report = report_of(proto)
    statistics.json_file.write_text(report.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
    statistics.page.write_text(render(report), encoding="utf-8")
    return headline(report)


def _run_pipeline(
    examples: Examples, runtime: Runtime, words: list[str] | None, *, lowercase: bool, top_values: int
) -> "statistics_pb2.DatasetFeatureStatisticsList":
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from tensorflow_metadata.proto.v0 import statistics_pb2

    from models import beam_runs
    from models.statistics.beam import Collect, Merge, WriteProto, row_groups
    from models.statistics.label_tokens import frequent
    from models.statistics.protos import split_proto
    from models.statistics.rows import SplitStatistics

    summary = examples.summary()
    columns = summary.columns
    labels = frequent(summary.labels.get("train", {})) if columns.label == "class" else ()
    groups = [group for split in SPLITS for group in row_groups(split, examples.shards(split))]
    runtime.report(None, f"looking at {sum(summary.rows.values())} rows")
    # In this process unless the scenario says otherwise: a second one loads TensorFlow and holds counts of its own
    # (3.6 GB instead of 1.8 at 8 million rows with a vocabulary), and saved no time (107 s in one, 109 s in two).
    options = PipelineOptions(list(runtime.beam_options))
    pipeline = beam.Pipeline(options=options)
    _ = (
        pipeline
        | beam.Create(groups)
        | beam.Reshuffle()
        | beam.ParDo(Collect(columns, words, lowercase=lowercase, labels=labels))
        | beam.CombinePerKey(Merge())
        | beam.ParDo(WriteProto(str(runtime.scratch), top_values))
    )
    beam_runs.run(pipeline)
    datasets = []
    for split in SPLITS:
        file = runtime.scratch / f"{split}.pb"
        empty = SplitStatistics(columns, words is not None, labels)
        datasets.append(
            statistics_pb2.DatasetFeatureStatistics.FromString(file.read_bytes())
            if file.exists()
            else split_proto(split, empty, top_values)
        )
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=datasets)

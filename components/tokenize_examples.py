"""Texts to token ids, once, so that training reads nothing but numbers."""

import logging
from pathlib import Path
from typing import Annotated

from pydantic import Field

from components.base import Input, Metrics, Output, Preset, Runtime, component
from models.presets import check_is_bert, locate
from models.vocabularies import check_vocabulary, load_vocabulary, read_vocabulary
from schemas.artifacts import SPLITS, Examples, Tokens
from schemas.reports import ExamplesSummary, Tokenization, TokensSummary

WHERE = "tokenize_examples.vocabulary"


def check(vocabulary: str) -> None:
    """Look at a local preset or vocabulary before anything runs."""
    source = Path(locate(vocabulary, wanted_by=WHERE))
    if source.is_file():
        check_vocabulary(read_vocabulary(source))
    elif source.is_dir():
        check_is_bert(source, wanted_by=WHERE)


@component(check=check)
def tokenize_examples(
    examples: Input[Examples],
    tokens: Output[Tokens],
    runtime: Runtime,
    *,
    vocabulary: Annotated[Preset, Field(description="BERT preset (folder, KerasHub name, hub handle) or vocab.txt")],
    max_length: Annotated[int, Field(ge=8, le=512, description="longest sequence, with [CLS] and [SEP]")] = 128,
) -> Metrics:
    """Write every split as token ids, shard by shard in the order of the examples."""
    runtime.report(None, "loading the vocabulary")
    words, lowercase = load_vocabulary(locate(vocabulary, wanted_by=WHERE), wanted_by=WHERE)
    check_vocabulary(words)
    source = examples.summary()
    tokenization = Tokenization(max_length=max_length, lowercase=lowercase)
    labels = sorted(source.labels["train"])

    runtime.report(None, f"tokenizing {sum(source.rows.values())} texts")
    counts = _run_pipeline(examples, tokens, runtime, words, tokenization, labels)
    tokens.vocabulary.write_text("\n".join(words) + "\n", encoding="utf-8")
    summary = TokensSummary(tokenization=tokenization, labels=labels, unseen_labels=source.unseen_labels(), **counts)
    tokens.write_summary(summary)
    _tell_unseen(source, runtime)
    return {
        "rows": sum(summary.rows.values()),
        "labels": len(labels),
        "truncated_share": _share(summary.truncated, summary.rows),
        "unknown_share": _share(summary.unknown_tokens, summary.tokens),
        **({"unseen_labels": _words(summary.unseen_labels)} if summary.unseen_labels else {}),
    }


def _run_pipeline(
    examples: Examples,
    tokens: Tokens,
    runtime: Runtime,
    words: list[str],
    tokenization: Tokenization,
    labels: list[str],
) -> dict[str, dict[str, int]]:
    """Write all shards; returns each of `COUNTS` per split."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from models.token_shards import COUNTS, TokenizeShard, counter

    shards = []
    for split in SPLITS:
        files = examples.shards(split)
        for index, file in enumerate(files):
            target = tokens.shard(split, index, len(files))
            target.parent.mkdir(parents=True, exist_ok=True)
            shards.append((split, str(file), str(target)))
    pipeline = beam.Pipeline(options=PipelineOptions(list(runtime.beam_options)))
    _ = pipeline | beam.Create(shards) | beam.Reshuffle() | beam.ParDo(TokenizeShard(words, tokenization, labels))
    result = pipeline.run()
    result.wait_until_finish()
    found = {found.key.metric.name: found.result for found in result.metrics().query()["counters"]}
    return {
        count: {split: found.get(counter(split, count).metric_name.name, 0) for split in SPLITS} for count in COUNTS
    }


def _words(unseen: dict[str, dict[str, int]]) -> str:
    """Labels that train does not have, for people.

    >>> _words({"test": {"odd": 2}})
    "'odd' (2 rows of test)"
    """
    return ", ".join(
        f"'{label}' ({rows} rows of {split})" for split, labels in unseen.items() for label, rows in labels.items()
    )


def _tell_unseen(source: ExamplesSummary, runtime: Runtime) -> None:
    if unseen := source.unseen_labels():
        text = f"labels that train does not have: {_words(unseen)}; their rows count as wrong answers"
        logging.warning("tokenize_examples: %s", text)
        runtime.report(None, text)


def _share(part: dict[str, int], whole: dict[str, int]) -> float:
    return sum(part.values()) / max(1, sum(whole.values()))

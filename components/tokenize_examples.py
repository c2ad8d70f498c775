"""Texts to token ids, once, so that training reads nothing but numbers."""

import logging
from typing import Annotated

from pydantic import Field

from components.base import Input, Metrics, Output, Preset, Runtime, component
from models.presets import locate
from models.tokens.vocabularies import check_source, check_vocabulary, load_vocabulary
from schemas.artifacts import Examples, Tokens
from schemas.errors import UserError
from schemas.reports import ExamplesSummary, Tokenization, TokensSummary, Truncation

WHERE = "tokenize_examples.vocabulary"
LEARN = "learn"


def check(vocabulary: str) -> None:
    """Look at a local preset or vocabulary before anything runs."""
    if vocabulary == LEARN:
        return
    check_source(vocabulary, wanted_by=WHERE)


@component(check=check)
def tokenize_examples(
    examples: Input[Examples],
    tokens: Output[Tokens],
    runtime: Runtime,
    *,
    vocabulary: Annotated[
        Preset,
        Field(description="BERT preset (folder, KerasHub name, hub handle), vocab.txt, or 'learn' for the train split"),
    ],
    max_length: Annotated[int, Field(ge=8, le=512, description="longest sequence, with [CLS] and [SEP]")] = 128,
    truncation: Annotated[
        Truncation, Field(description="which text of a pair is cut; the longer one, piece by piece, is BERT's rule")
    ] = "longest_first",
    vocabulary_size: Annotated[int, Field(ge=100, le=100_000, description="entries to learn at most")] = 8000,
    lowercase: Annotated[bool, Field(description="learn for folded case, without accents")] = True,
) -> Metrics:
    """Write every split as token ids, shard by shard in the order of the examples."""
    from models.tokens.token_features import learn_categories
    from models.tokens.token_pipelines import write_tokens
    from models.tokens.token_shards import Layout

    source = examples.summary()
    if not source.columns.text:
        raise UserError(
            "tokenize_examples: the examples have no texts. Expected a column 'text'; name one in "
            "ingest_examples.text, or leave this step out for a model of features alone."
        )
    learnt: Metrics = {}
    if vocabulary == LEARN:
        words, learnt = _learn(examples, runtime, vocabulary_size, lowercase)
    else:
        runtime.report(None, "loading the vocabulary")
        words, lowercase = load_vocabulary(locate(vocabulary, wanted_by=WHERE), wanted_by=WHERE)
    check_vocabulary(words)
    layout = Layout(
        vocabulary=words,
        tokenization=Tokenization(
            max_length=max_length, lowercase=lowercase, pairs=source.columns.text_pair, truncation=truncation
        ),
        columns=source.columns,
        labels=sorted(source.labels.get("train", {})),
        categories=learn_categories(examples.shards("train"), source.columns),
    )

    runtime.report(None, f"tokenizing {sum(source.rows.values())} rows")
    counts = write_tokens(examples, tokens, layout, runtime.scratch, runtime.beam_options)
    tokens.vocabulary.write_text("\n".join(words) + "\n", encoding="utf-8")
    summary = TokensSummary(
        tokenization=layout.tokenization,
        columns=layout.columns,
        labels=layout.labels,
        categories=layout.categories,
        rows={split: count.rows for split, count in counts.items()},
        truncated={split: count.truncated for split, count in counts.items()},
        tokens={split: count.tokens for split, count in counts.items()},
        unknown_tokens={split: count.unknown_tokens for split, count in counts.items()},
        lengths={split: count.quantiles() for split, count in counts.items()},
        unseen_labels=source.unseen_labels(),
    )
    tokens.write_summary(summary)
    _tell_unseen(source, runtime)
    return {
        "rows": sum(summary.rows.values()),
        **({"labels": len(summary.labels)} if source.columns.label in ("class", "classes") else {}),
        "truncated_share": _share(summary.truncated, summary.rows),
        "unknown_share": _share(summary.unknown_tokens, summary.tokens),
        **{f"length_{name}": length for name, length in summary.lengths["train"].items()},
        **learnt,
        **({"unseen_labels": _words(summary.unseen_labels)} if summary.unseen_labels else {}),
    }


def _learn(examples: Examples, runtime: Runtime, size: int, lowercase: bool) -> tuple[list[str], Metrics]:
    """A vocabulary from the train split; says what it had to leave out."""
    from models.tokens.token_pipelines import count_words
    from models.tokens.vocabulary_learning import learn

    runtime.report(None, "counting words")
    counts = count_words(
        examples.shards("train"),
        examples.summary().columns.texts(),
        lowercase=lowercase,
        scratch=runtime.scratch,
        beam_options=runtime.beam_options,
    )
    words = counts.table()
    runtime.report(None, f"learning {size} pieces from {len(words)} different words")
    vocabulary, characters = learn(words, size)
    metrics: Metrics = {"vocabulary": len(vocabulary), "different_words": len(words)}
    left_out = {"characters_left_out": characters, "word_occurrences_left_out": counts.left_out}
    return vocabulary, metrics | {name: count for name, count in left_out.items() if count}


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

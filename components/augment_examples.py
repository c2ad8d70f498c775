"""More training rows from those there are: edited copies that should still deserve their label."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from components.base import Input, Metrics, OptionalPreset, Output, Runtime, component
from models.presets import check_is_bert, locate
from schemas.artifacts import SPLITS, Examples
from schemas.columns import Columns
from schemas.errors import UserError
from schemas.reports import ExamplesSummary

if TYPE_CHECKING:
    from models.augmentation.augmenting import AugmentShard

WHERE = "augment_examples.preset"
NEED_PRESET = ("random_insertion", "synonym_replacement", "min_similarity")
NEED_TEXT = (
    "random_swap",
    "random_deletion",
    "random_insertion",
    "synonym_replacement",
    "keyboard_typos",
    "tfidf_replacement",
)
NEED_NUMBERS = ("gaussian_noise", "feature_scaling", "mixup")

Share = Annotated[float, Field(ge=0, lt=1)]


def check(
    random_swap: float,
    random_deletion: float,
    random_insertion: float,
    synonym_replacement: float,
    keyboard_typos: float,
    tfidf_replacement: float,
    gaussian_noise: float,
    feature_scaling: float,
    mixup: float,
    copies: int,
    row_share: float,
    balance: float,
    preset: str | None,
    min_similarity: float | None,
) -> None:
    """Refuse a step that would add nothing or lacks its encoder, and a preset that is no BERT."""
    text = (random_swap, random_deletion, random_insertion, synonym_replacement, keyboard_typos, tfidf_replacement)
    numbers = (gaussian_noise, feature_scaling, mixup)
    if not any((*text, *numbers)):
        raise UserError(
            "augment_examples: every rule is off, so no row would be added. Expected a share above 0 for at least one "
            f"of {', '.join((*NEED_TEXT, *NEED_NUMBERS))}, for example random_swap: 0.1; or leave the step out."
        )
    if not (copies and row_share) and not balance:
        raise UserError(
            f"augment_examples: copies {copies} with row_share {row_share:g} and balance 0 add no row. "
            "Expected copies of at least 1, or a balance above 0 for copies of rare labels alone."
        )
    wanting = zip(NEED_PRESET, (random_insertion, synonym_replacement, min_similarity is not None), strict=True)
    if wanted := [name for name, is_on in wanting if is_on]:
        if preset is None:
            raise UserError(
                f"augment_examples: {' and '.join(wanted)} need a pretrained encoder. Give its preset, "
                "for example the one that train_bert has."
            )
        place = Path(locate(preset, wanted_by=WHERE))
        if place.exists():
            check_is_bert(place, wanted_by=WHERE)


@component(check=check)
def augment_examples(
    examples: Input[Examples],
    augmented: Output[Examples],
    runtime: Runtime,
    *,
    random_swap: Annotated[Share, Field(description="pairs of words exchanged, per word; 0 turns a rule off")] = 0,
    random_deletion: Annotated[Share, Field(description="chance of each word to be left out")] = 0,
    random_insertion: Annotated[Share, Field(description="neighbours of words put in anywhere, per word")] = 0,
    synonym_replacement: Annotated[Share, Field(description="words replaced by a neighbour")] = 0,
    keyboard_typos: Annotated[Share, Field(description="words in which a neighbouring key is hit")] = 0,
    tfidf_replacement: Annotated[Share, Field(description="words replaced where they say little")] = 0,
    gaussian_noise: Annotated[float, Field(ge=0, description="of numeric features, in standard deviations")] = 0,
    feature_scaling: Annotated[
        float, Field(ge=0, description="standard deviation of the factors that numeric features are multiplied by")
    ] = 0,
    mixup: Annotated[
        float, Field(ge=0, le=100, description="alpha: numeric features are mixed with those of a row of equal label")
    ] = 0,
    copies: Annotated[int, Field(ge=0, le=100, description="copies of a row by each rule that is on")] = 1,
    row_share: Annotated[float, Field(ge=0, le=1, description="share of the train rows that each rule copies")] = 1,
    balance: Annotated[
        float, Field(ge=0, le=1, description="copy rare labels until they have this share of the most frequent one")
    ] = 0,
    balance_limit: Annotated[int, Field(ge=1, le=1000, description="most copies of one row for balance")] = 20,
    preset: Annotated[OptionalPreset, Field(description="pretrained BERT: word neighbours and min_similarity")] = None,
    neighbours: Annotated[int, Field(ge=1, le=100, description="nearest words to choose a replacement from")] = 5,
    neighbour_cosine: Annotated[float, Field(gt=0, lt=1, description="least cosine of a word and a neighbour")] = 0.4,
    min_similarity: Annotated[
        float | None, Field(ge=-1, le=1, description="drop copies whose encoding has a lower cosine with the original")
    ] = None,
    seed: Annotated[int, Field(description="another seed makes other copies")] = 0,
) -> Metrics:
    """Add changed copies of train rows; eval and test pass untouched, and `augmentation` names each copy's rule.

    Each rule that is on makes `copies` of a row of its own, changes only its texts or only its numbers, and keeps
    label, weight and everything else. A copy's id is `<id>~<rule>-<number>`; what it draws depends on seed, id, rule
    and number alone. Copies that came out like their row, or like another copy of it, are dropped and counted.

    Balancing makes more of the same copies for rows of rare labels, dealt to the rules in turn; for a row with several
    labels the rarest decides. Mixup weighs rows by Beta(alpha, alpha), the row itself at least half, within a label
    (within equal sets of labels); labels that are values are mixed too, across all rows.
    """
    source = examples.summary()
    strengths = {
        "random_swap": random_swap,
        "random_deletion": random_deletion,
        "random_insertion": random_insertion,
        "synonym_replacement": synonym_replacement,
        "keyboard_typos": keyboard_typos,
        "tfidf_replacement": tfidf_replacement,
        "gaussian_noise": gaussian_noise,
        "feature_scaling": feature_scaling,
        "mixup": mixup,
    }
    strengths = {rule: strength for rule, strength in strengths.items() if strength}
    _check_columns(source.columns, list(strengths), balance, min_similarity)
    place = locate(preset, wanted_by=WHERE) if preset is not None else ""

    from models.augmentation.augmenting import AugmentShard
    from models.augmentation.embedding_neighbours import find_neighbours
    from models.augmentation.plan import AugmentationPlan, balancing, count_labels
    from models.augmentation.rules import prepare

    train = examples.shards("train")
    extra = {}
    if balance:
        runtime.report(None, "counting labels")
        extra = balancing(count_labels(train), balance, copies * row_share * len(strengths), balance_limit)
    plan = AugmentationPlan(strengths, copies, row_share, extra, seed)

    runtime.report(None, "learning words and deviations of the train split")
    knowledge = runtime.scratch / "knowledge"
    shutil.rmtree(knowledge, ignore_errors=True)  # what a killed run left behind
    knowledge.mkdir(parents=True)
    prepare(
        plan,
        source.columns,
        train,
        knowledge,
        lambda: find_neighbours(place, count=neighbours, min_cosine=neighbour_cosine, wanted_by=WHERE),
    )

    runtime.report(None, f"augmenting {source.rows['train']} rows")
    step = AugmentShard(plan, source.columns, str(knowledge), place, min_similarity, WHERE)
    # The encoder keeps every core busy from one process; more of them would only hold it several times.
    size = 0 if min_similarity is not None else sum(file.stat().st_size for file in train) * (1 + plan.most_copies)
    counts = _run_pipeline(examples, augmented, runtime, step, list(strengths), size)
    _pass_on(examples, augmented, source.columns)
    summary = _summarize(source, augmented, counts)
    augmented.write_summary(summary)
    return {
        "train_rows": summary.rows["train"],
        "added": sum(summary.augmented.values()),
        **{f"{rule}_{outcome}": count for (rule, outcome), count in counts.items() if count},
    }


def _check_columns(columns: Columns, rules: list[str], balance: float, min_similarity: float | None) -> None:
    """Every rule must have something to change."""
    has_numbers = bool(columns.numeric)
    if columns.augmentation:
        raise UserError(
            "augment_examples: these Examples are augmented already. Expected original rows; "
            "turn all rules on in one step instead."
        )
    for rule in rules:
        if rule in NEED_TEXT and not columns.text:
            raise UserError(
                f"augment_examples.{rule} edits texts, but these Examples have no text column. "
                f"Use a rule for numeric features: {', '.join(NEED_NUMBERS)}."
            )
        if rule in NEED_NUMBERS and not has_numbers:
            raise UserError(
                f"augment_examples.{rule} changes numeric features, but these Examples have none. "
                f"Name some in ingest_examples.numeric, or use a rule for texts: {', '.join(NEED_TEXT)}."
            )
    if balance and columns.label not in ("class", "classes"):
        raise UserError(
            f"augment_examples.balance needs labels that are classes, but the label kind is {columns.label!r}. "
            "Set balance to 0."
        )
    if min_similarity is not None and not any(rule in NEED_TEXT for rule in rules):
        raise UserError(
            "augment_examples.min_similarity compares edited texts, but no rule that edits texts is on. "
            f"Leave it out, or turn on one of {', '.join(NEED_TEXT)}."
        )


def _run_pipeline(
    examples: Examples, augmented: Examples, runtime: Runtime, step: "AugmentShard", rules: list[str], size: int
) -> dict[tuple[str, str], int]:
    """Write the train shards; returns copies by rule and outcome."""
    import apache_beam as beam

    from models.augmentation.augmenting import OUTCOMES, counter
    from models.beam_runs import options, run

    files = examples.shards("train")
    shards = [(str(file), str(augmented.shard("train", i, len(files)))) for i, file in enumerate(files)]
    (augmented.path / "train").mkdir(parents=True, exist_ok=True)
    pipeline = beam.Pipeline(options=options(runtime.beam_options, size))
    _ = pipeline | beam.Create(shards) | beam.Reshuffle() | beam.ParDo(step)

    def tell() -> None:
        runtime.report(None, f"augmenting shard {len(augmented.shards('train'))} of {len(shards)}")

    result = run(pipeline, tell)
    found = {found.key.metric.name: found.result for found in result.metrics().query()["counters"]}
    return {
        (rule, outcome): found.get(counter(rule, outcome).metric_name.name, 0) for rule in rules for outcome in OUTCOMES
    }


def _pass_on(examples: Examples, augmented: Examples, columns: Columns) -> None:
    """Eval and test with an empty `augmentation`; rejects and whatever else there is as it is."""
    from models.augmentation.augmenting import copy_marked

    for split in ("eval", "test"):
        files = examples.shards(split)
        (augmented.path / split).mkdir(parents=True, exist_ok=True)
        for index, file in enumerate(files):
            copy_marked(file, augmented.shard(split, index, len(files)), columns)
    for file in examples.files():
        name = file.relative_to(examples.path)
        if name.parts[0] not in (*SPLITS, "summary.json"):
            (augmented.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, augmented.path / name)


def _summarize(source: ExamplesSummary, augmented: Examples, counts: dict[tuple[str, str], int]) -> ExamplesSummary:
    """Count what was written; every copy that was made must be there."""
    import pyarrow.parquet as pq

    from models.augmentation.plan import count_labels

    added = {rule: count for (rule, outcome), count in counts.items() if outcome == "added"}
    rows = sum(pq.read_metadata(file).num_rows for file in augmented.shards("train"))
    if rows != source.rows["train"] + sum(added.values()):
        raise RuntimeError(f"added {added} to {source.rows['train']} train rows but wrote {rows}")
    labels = source.labels
    if source.columns.label in ("class", "classes"):
        labels = {**labels, "train": count_labels(augmented.shards("train"))}
    return source.model_copy(
        update={
            "columns": source.columns.model_copy(update={"augmentation": True}),
            "rows": {**source.rows, "train": rows},
            "labels": labels,
            "augmented": added,
        }
    )

"""Bring labelled records in: read, clean, refuse with a reason, settle duplicates, split, write Parquet."""

import logging
import shutil
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from components.base import Location, Metrics, OptionalLocation, Output, Runtime, component
from models.reading.roles import Roles
from models.reading.source_checks import check_shares, check_source
from models.reading.sources import Format, Source, find_source
from schemas.artifacts import SPLITS, Examples
from schemas.columns import LabelKind
from schemas.errors import UserError
from schemas.reports import ExamplesSummary

if TYPE_CHECKING:
    from models.ingest.plan import Plan

# What a worker holds in memory at a time, roughly, in bytes of source. 4 million short rows (285 MB) peak at 375 MB
# with 8 MB and at 584 MB with 64 MB, in the same time.
SLICE_BYTES = 8 << 20
# Compressed files hold more than they weigh.
PACKED = {"parquet": 3, "avro": 3, "tfrecord": 1}
# Reasons that say nothing about how broken the source is.
NOT_BROKEN = ("duplicate", "near_duplicate", "contradictory_label")

Policy = Literal["keep", "remove"]
Column = Annotated[str | None, Field(min_length=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(lambda names: (names,) if isinstance(names, str) else names)]


def check(
    source: str,
    eval_source: str | None,
    test_source: str | None,
    format: str,
    encoding: str,
    text: str | None,
    text_pair: str | None,
    label: str | list[str] | None,
    label_kind: LabelKind,
    label_separator: str | None,
    weight: str | None,
    id: str | None,
    group: str | None,
    split: str | None,
    numeric: Names,
    categorical: Names,
    slices: Names,
    near_duplicates: str,
    stratify: bool,
    eval_share: float,
    test_share: float,
    max_reject_rate: float,
) -> None:
    """Look at the files and at the first records before anything runs."""
    check_shares(eval_share, test_share)
    _check_stratify(stratify, group, label, label_kind)
    roles = _roles(
        text, text_pair, label, label_kind, label_separator, weight, id, group, split, numeric, categorical, slices
    )
    if split is not None and (eval_source or test_source):
        raise UserError(
            f"ingest_examples.split: column '{split}' says the split of each record, and eval_source or test_source "
            "says it of whole files. Expected one of the two; leave the other out."
        )
    for found, _ in _sources(source, eval_source, test_source, format, encoding, roles):
        check_source(found, max_reject_rate)


@component(check=check)
def ingest_examples(
    examples: Output[Examples],
    runtime: Runtime,
    *,
    source: Annotated[Location, Field(description="file, glob, folder, URL or package://name/path")],
    eval_source: Annotated[OptionalLocation, Field(description="records that are to be the eval split")] = None,
    test_source: Annotated[OptionalLocation, Field(description="records that are to be the test split")] = None,
    format: Format = "auto",
    encoding: Annotated[str, Field(description="of text files, as Python names it")] = "utf-8",
    text: Annotated[Column, Field(description="column with the text; null for features alone")] = "text",
    text_pair: Annotated[Column, Field(description="column with the second sentence of a pair")] = None,
    label: Annotated[
        str | list[str] | None,
        Field(description="column with the label; several: 0/1 columns, a class each; null: unlabelled"),
    ] = "label",
    label_kind: Annotated[
        LabelKind, Field(description="one class, several classes, or a value to regress on")
    ] = "class",
    label_separator: Annotated[Column, Field(description="cuts a string into several classes")] = None,
    weight: Annotated[Column, Field(description="column: what a record counts in training")] = None,
    id: Annotated[Column, Field(description="column with unique names; otherwise content names a record")] = None,
    group: Annotated[Column, Field(description="column: records of one group go to the same split")] = None,
    split: Annotated[Column, Field(description="column that says train, eval or test")] = None,
    numeric: Annotated[Names, Field(description="columns that are numeric features")] = (),
    categorical: Annotated[Names, Field(description="columns that are categorical features")] = (),
    slices: Annotated[Names, Field(description="columns to evaluate by")] = (),
    fix_unicode: Annotated[bool, Field(description="repair mojibake, compose characters (NFC)")] = True,
    unescape_html: Annotated[bool, Field(description="&amp; to &")] = True,
    strip_control: Annotated[bool, Field(description="drop characters without a glyph")] = True,
    strip_replacement: Annotated[bool, Field(description="drop U+FFFD, the sign of a lost character")] = True,
    collapse_whitespace: Annotated[bool, Field(description="each run of white space to one space")] = True,
    min_characters: Annotated[int, Field(ge=0, description="of a cleaned text")] = 1,
    max_characters: Annotated[int | None, Field(ge=1, description="of a cleaned text")] = None,
    min_words: Annotated[int, Field(ge=0, description="of a cleaned text")] = 1,
    max_words: Annotated[int | None, Field(ge=1, description="of a cleaned text")] = None,
    duplicates: Annotated[Policy, Field(description="records with equal texts, features and label")] = "remove",
    near_duplicates: Annotated[
        Literal["together", "remove", "ignore"],
        Field(description="similar texts: into one split, all but one removed, or not looked for"),
    ] = "together",
    near_duplicate_similarity: Annotated[
        float, Field(gt=0, lt=1, description="least Jaccard similarity of near duplicates")
    ] = 0.65,
    contradictions: Annotated[Policy, Field(description="equal texts and features with different labels")] = "keep",
    eval_share: Annotated[float, Field(gt=0, lt=1, description="share of records for choosing the model")] = 0.1,
    test_share: Annotated[float, Field(gt=0, lt=1, description="share of records for judging it")] = 0.1,
    stratify: Annotated[bool, Field(description="hold these shares within each label")] = False,
    seed: Annotated[int, Field(description="another seed deals the records to other splits")] = 0,
    shards: Annotated[int, Field(ge=1, le=1000, description="files per split")] = 4,
    max_reject_rate: Annotated[float, Field(ge=0, le=1, description="share of records that may be broken")] = 0.01,
) -> Metrics:
    """Read labelled records, clean and split them; nothing is lost without being counted and kept in rejects.

    Equal and near-equal texts never straddle two splits that are dealt here; splits that the source brings
    (`split`, `eval_source`, `test_source`) are honoured, and what they share is measured.
    """
    from models.ingest.cleaning import Cleaning
    from models.ingest.near_duplicates import NearDuplicates
    from models.ingest.plan import Plan, origins
    from models.ingest.splitting import Buckets

    runtime.report(None, "looking at the source")
    roles = _roles(
        text, text_pair, label, label_kind, label_separator, weight, id, group, split, numeric, categorical, slices
    )
    sources = _sources(source, eval_source, test_source, format, encoding, roles)
    size = sum(_unpacked_size(found) for found, _ in sources)
    folder = runtime.scratch / "ingest"
    shutil.rmtree(folder, ignore_errors=True)  # what a killed run left behind
    columns = roles.columns()
    plan = Plan(
        origins=origins(sources),
        columns=columns,
        grouped=group is not None,
        named=id is not None,
        cleaning=Cleaning(
            fix_unicode=fix_unicode,
            unescape_html=unescape_html,
            strip_control=strip_control,
            strip_replacement=strip_replacement,
            collapse_whitespace=collapse_whitespace,
            min_characters=min_characters,
            max_characters=max_characters,
            min_words=min_words,
            max_words=max_words,
        ),
        duplicates=duplicates,
        contradictions=contradictions,
        near_duplicates=NearDuplicates(threshold=near_duplicate_similarity)
        if near_duplicates != "ignore" and columns.text
        else None,
        remove_near_duplicates=near_duplicates == "remove",
        stratify=stratify,
        buckets=Buckets(shards, min(4096, 1 + size // shards // SLICE_BYTES), seed),
        folder=folder,
    )
    try:
        summary = _run(plan, examples, runtime, size, eval_share, test_share)
    finally:  # as large as the source
        shutil.rmtree(folder, ignore_errors=True)
    _refuse_too_many_rejects(summary, examples, max_reject_rate)
    _refuse_useless_splits(summary, eval_share, test_share)
    examples.write_summary(summary)
    alike = _alike_labels(summary)
    _tell(summary, alike, runtime)
    return {
        "rows": sum(summary.rows.values()),
        "rejected": sum(summary.rejected.values()),
        **{reason: summary.rejected[reason] for reason in NOT_BROKEN if reason in summary.rejected},
        **({"near_duplicates": summary.near_duplicates} if summary.near_duplicates else {}),
        **({"contradictions": summary.contradictions} if summary.contradictions else {}),
        **({"cleaned": sum(summary.cleaned.values())} if summary.cleaned else {}),
        **({"labels": len(summary.labels["train"])} if summary.labels["train"] else {}),
        **({"labels_alike": "; ".join(alike)} if alike else {}),
        **{f"{split}_rows": rows for split, rows in summary.rows.items()},
    }


def _roles(
    text: str | None,
    text_pair: str | None,
    label: str | list[str] | None,
    label_kind: LabelKind,
    label_separator: str | None,
    weight: str | None,
    id: str | None,
    group: str | None,
    split: str | None,
    numeric: Names,
    categorical: Names,
    slices: Names,
) -> Roles:
    labels = () if label is None else (label,) if isinstance(label, str) else tuple(label)
    return Roles(
        text=text,
        text_pair=text_pair,
        label=labels,
        label_kind=label_kind,
        label_separator=label_separator,
        weight=weight,
        id=id,
        group=group,
        split=split,
        numeric=tuple(numeric),
        categorical=tuple(categorical),
        slices=tuple(slices),
    )


def _check_stratify(stratify: bool, group: str | None, label: str | list[str] | None, label_kind: str) -> None:
    if stratify and (group is not None or label is None or label_kind != "class"):
        given = f"group: {group}" if group is not None else f"label: {label}, label_kind: {label_kind}"
        raise UserError(
            f"ingest_examples.stratify: shares can hold within each label only where every record has one class and "
            f"is dealt by itself. Received {given}. Leave stratify: out, or the other."
        )


def _sources(
    source: str, eval_source: str | None, test_source: str | None, format: str, encoding: str, roles: Roles
) -> list[tuple[Source, str | None]]:
    """Every source with the split it stands for; None where the records are dealt."""
    wanted = (("source", source, None), ("eval_source", eval_source, "eval"), ("test_source", test_source, "test"))
    return [
        (find_source(location, format=format, encoding=encoding, roles=roles, parameter=parameter), split)
        for parameter, location, split in wanted
        if location is not None
    ]


def _unpacked_size(source: Source) -> int:
    """Bytes of a source as rows in memory, roughly."""
    return PACKED.get(source.format, 1) * sum(file.size * (4 if file.packing else 1) for file in source.files)


def _run(
    plan: "Plan", examples: Examples, runtime: Runtime, size: int, eval_share: float, test_share: float
) -> ExamplesSummary:
    """Both pipelines and the decisions between them; every record that was read is kept or rejected."""
    import apache_beam as beam

    from models.beam_runs import options, run
    from models.ingest import ingesting
    from models.ingest.grouping import decide

    chosen = options(runtime.beam_options, size)
    pipeline = beam.Pipeline(options=chosen)
    ingesting.read_and_settle(pipeline, plan)
    pieces = len(plan.origins)
    run(
        pipeline,
        lambda: runtime.report(plan.pieces_done() / pieces / 2, f"reading {pieces} pieces of the source"),
        complaints=plan.complaints,
    )

    runtime.report(0.5, "looking for near duplicates" if plan.near_duplicates else "splitting")
    decision = decide(plan, eval_share, test_share)
    pipeline = beam.Pipeline(options=chosen)
    ingesting.write_shards(pipeline, plan, decision, examples)
    runtime.report(0.75, "writing")
    run(pipeline)

    rows_read, cleaned = plan.rows_and_cleaned()
    files = {split: examples.shards(split) for split in SPLITS}
    rows = {split: ingesting.count_rows(files[split]) for split in SPLITS}
    rejected = ingesting.count_values(examples.shards("rejects"), "reason")
    if rows_read != sum(rows.values()) + sum(rejected.values()):
        raise RuntimeError(f"read {rows_read} records but kept {rows} and rejected {rejected}")
    has_classes = plan.columns.label in ("class", "classes")
    return ExamplesSummary(
        columns=plan.columns,
        rows_read=rows_read,
        rows=rows,
        labels={split: ingesting.count_values(files[split], "label") if has_classes else {} for split in SPLITS},
        rejected=rejected,
        cleaned=cleaned,
        contradictions=ingesting.write_contradictions(plan, examples),
        near_duplicates=decision.near_duplicates,
        leaks=decision.leaks,
    )


def _refuse_too_many_rejects(summary: ExamplesSummary, examples: Examples, max_reject_rate: float) -> None:
    from models.ingest.ingesting import describe_rejects

    broken = {reason: count for reason, count in summary.rejected.items() if reason not in NOT_BROKEN}
    rejected = sum(broken.values())
    if summary.rows_read and rejected / summary.rows_read > max_reject_rate:
        raise UserError(
            f"ingest_examples: {rejected:,} of {summary.rows_read:,} records are broken "
            f"({', '.join(f'{count:,} {reason}' for reason, count in broken.items())}); "
            f"max_reject_rate allows {max_reject_rate:g} of them. For example:\n"
            f"{describe_rejects(examples, NOT_BROKEN)}\n"
            "Repair the source, set encoding:, text: or label:, or raise max_reject_rate."
        )


def _refuse_useless_splits(summary: ExamplesSummary, eval_share: float, test_share: float) -> None:
    kept = sum(summary.rows.values())
    empty = [split for split, rows in summary.rows.items() if not rows]
    if empty:
        rejected = "".join(f", {count:,} {reason}" for reason, count in summary.rejected.items())
        alike = summary.near_duplicates
        tied = f" {alike:,} of them have near duplicates, which stay together." if alike else ""
        raise UserError(
            f"ingest_examples: {kept:,} good records of {summary.rows_read:,} read{rejected} leave "
            f"{' and '.join(empty)} empty with eval_share {eval_share:g} and test_share {test_share:g}.{tied} "
            "Give more records or other shares; look at split:, group: and near_duplicates: where you set them."
        )
    labels = list(summary.labels["train"])
    if summary.columns.label == "class" and len(labels) < 2:
        raise UserError(
            f"ingest_examples: all {summary.rows['train']} train records carry the one label '{labels[0]}'. A "
            "classifier needs at least two; look at source: and label:."
        )


def _alike_labels(summary: ExamplesSummary) -> list[str]:
    """Labels that a person would call one: they differ in case, white space or characters nobody sees."""
    import pyarrow as pa

    from models.ingest.cleaning import Cleaning, clean
    from models.ingest.normalising import normalised

    labels = sorted({label for labels in summary.labels.values() for label in labels})
    cleaned, _ = clean(pa.array(labels, pa.string()), Cleaning())
    spellings: dict[str, list[str]] = {}
    for label, plain in zip(labels, normalised(cleaned).to_pylist(), strict=True):
        spellings.setdefault(plain, []).append(label)
    return [" and ".join(map(repr, names)) for names in spellings.values() if len(names) > 1]


def _tell(summary: ExamplesSummary, alike: list[str], runtime: Runtime) -> None:
    """What a person should look at, in the log and on the screen."""
    news = [f"labels that look like one, yet count as different: {names}" for names in alike]
    for leak in summary.leaks:
        if leak.duplicates or leak.near_duplicates:
            news.append(
                f"{leak.splits[1]} shares {leak.duplicates:,} texts with {leak.splits[0]}, and "
                f"{leak.near_duplicates:,} more are near duplicates: what is measured on it will look too good"
            )
    for text in news:
        logging.warning("ingest_examples: %s", text)
        runtime.report(None, text)

"""The rules as functions of record batches: rows in, changed rows out, and which of them did change."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.augmentation import embedding_neighbours, mixup_partners, numeric_edits, text_edits, tfidf
from models.augmentation.plan import AugmentationPlan
from models.ingest.identity import dealt
from schemas.columns import NUMERIC, Columns

NEIGHBOURS, DEVIATIONS, PARTNERS = "neighbours.parquet", "deviations.npy", "partners.parquet"
NEED_NEIGHBOURS = ("random_insertion", "synonym_replacement")

Rule = Callable[[pa.RecordBatch, np.ndarray], tuple[pa.RecordBatch, np.ndarray]]
"""Takes rows and a uint64 seed for each; returns the rows changed, and bool [n]: whether something did change."""


def prepare(
    plan: AugmentationPlan,
    columns: Columns,
    files: Sequence[Path],
    folder: Path,
    find_neighbours: Callable[[], dict[str, list[str]]],
) -> None:
    """Learn what the rules have to know of the train split, and write it where workers `build` their rules from.

    Args:
        plan: which rules are on.
        columns: of the files.
        files: the train split.
        folder: an empty one that all workers can read.
        find_neighbours: called if a rule needs them.
    """
    numeric = [NUMERIC + name for name in columns.numeric]
    if any(rule in plan.strengths for rule in NEED_NEIGHBOURS):
        pq.write_table(embedding_neighbours.as_table(find_neighbours()), folder / NEIGHBOURS)
    if "tfidf_replacement" in plan.strengths:
        tfidf.save(tfidf.count_words(tfidf.read_texts(files, columns.texts())), folder)
    if "gaussian_noise" in plan.strengths:
        np.save(folder / DEVIATIONS, numeric_edits.deviations(files, numeric), allow_pickle=False)
    if "mixup" in plan.strengths:
        label = "label" if columns.label is not None else None
        pq.write_table(mixup_partners.choose_partners(files, mixed(columns), label, plan.seed), folder / PARTNERS)


def build(plan: AugmentationPlan, columns: Columns, folder: Path) -> dict[str, Rule]:
    """The rules that are on, by name, from what `prepare` wrote."""
    return {rule: _BUILDERS[rule](strength, columns, folder) for rule, strength in plan.strengths.items()}


def mixed(columns: Columns) -> list[str]:
    """What mixup mixes: numeric features, and labels that are values."""
    return [*(NUMERIC + name for name in columns.numeric), *(["label"] if columns.label == "value" else [])]


def edit_texts(
    batch: pa.RecordBatch, seeds: np.ndarray, *, edit: Callable[..., str], names: Sequence[str]
) -> tuple[pa.RecordBatch, np.ndarray]:
    """Edit each text of each row with one generator a row. Nulls stay; `<name>_raw` becomes null.

    White space alone is no change: edits write single spaces.
    """
    changed = np.zeros(len(batch), bool)
    edited: dict[str, list[str | None]] = {name: [] for name in names}
    rows = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
    for row, (seed, texts) in enumerate(zip(seeds.tolist(), rows, strict=True)):
        rng = random.Random(seed)
        for name, text in zip(names, texts, strict=True):
            new = None if text is None else edit(text, rng=rng)
            edited[name].append(new)
            changed[row] |= text is not None and new != " ".join(text.split())
    for name, column in edited.items():
        batch = replaced(batch, name, pa.array(column, pa.string()))
        batch = replaced(batch, f"{name}_raw", pa.nulls(len(batch), pa.string()))
    return batch, changed


def change_numbers(
    batch: pa.RecordBatch,
    seeds: np.ndarray,
    *,
    change: Callable[[np.ndarray, np.ndarray], np.ndarray],
    names: Sequence[str],
) -> tuple[pa.RecordBatch, np.ndarray]:
    """Change columns of numbers, all rows at once."""
    old = np.stack([batch.column(name).to_numpy(zero_copy_only=False) for name in names], axis=1)
    new = change(old, seeds)
    for name, values in zip(names, new.T, strict=True):
        batch = replaced(batch, name, pa.array(values, pa.float64(), from_pandas=True))
    return batch, np.any((new != old) & ~np.isnan(old), axis=1)


def mix_rows(
    batch: pa.RecordBatch,
    seeds: np.ndarray,
    *,
    alpha: float,
    partners: mixup_partners.Partners,
    names: Sequence[str],
) -> tuple[pa.RecordBatch, np.ndarray]:
    """Mix rows with partners of their label; text, categories and weight stay the row's own, which weighs more."""
    label = batch.column("label") if "label" in batch.schema.names else None
    others = partners.of(mixup_partners.groups_of(label, len(batch)), dealt(seeds, purpose="partner", seed=0))
    shares = numeric_edits.own_shares(seeds, alpha)
    return change_numbers(batch, seeds, change=lambda own, _: numeric_edits.mix(own, others, shares), names=names)


def replaced(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    """The batch with other values in a column."""
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), values)


def _text_rule(edit: Callable[..., str], knowledge: Callable[[Path], dict[str, Any]] = lambda folder: {}) -> Any:
    def build(strength: float, columns: Columns, folder: Path) -> Rule:
        return partial(edit_texts, edit=partial(edit, share=strength, **knowledge(folder)), names=columns.texts())

    return build


def _neighbours(folder: Path) -> dict[str, Any]:
    return {"neighbours": embedding_neighbours.from_table(pq.read_table(folder / NEIGHBOURS))}


def _words(folder: Path) -> dict[str, Any]:
    return {"words": tfidf.load(folder)}


def _noise(strength: float, columns: Columns, folder: Path) -> Rule:
    deviations = np.load(folder / DEVIATIONS, allow_pickle=False)
    change = partial(numeric_edits.add_noise, share=strength, deviations=deviations)
    return partial(change_numbers, change=change, names=[NUMERIC + name for name in columns.numeric])


def _scaling(strength: float, columns: Columns, folder: Path) -> Rule:
    change = partial(numeric_edits.scale, deviation=strength)
    return partial(change_numbers, change=change, names=[NUMERIC + name for name in columns.numeric])


def _mixup(strength: float, columns: Columns, folder: Path) -> Rule:
    partners = mixup_partners.partners_of(pq.read_table(folder / PARTNERS), mixed(columns))
    return partial(mix_rows, alpha=strength, partners=partners, names=mixed(columns))


_BUILDERS: dict[str, Callable[[float, Columns, Path], Rule]] = {
    "random_swap": _text_rule(text_edits.swap_words),
    "random_deletion": _text_rule(text_edits.delete_words),
    "random_insertion": _text_rule(text_edits.insert_words, _neighbours),
    "synonym_replacement": _text_rule(text_edits.replace_words, _neighbours),
    "keyboard_typos": _text_rule(text_edits.mistype),
    "tfidf_replacement": _text_rule(tfidf.replace_uninformative, _words),
    "gaussian_noise": _noise,
    "feature_scaling": _scaling,
    "mixup": _mixup,
}

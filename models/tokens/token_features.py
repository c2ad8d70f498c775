"""What the rows of examples say beside their texts, as features of tf.train.Example: a list per row each."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.columns import CATEGORICAL, NUMERIC, Columns
from schemas.errors import UserError

MOST_CATEGORIES = 100_000


def features(
    batch: pa.RecordBatch, columns: Columns, labels: Sequence[str], categories: Mapping[str, Sequence[str]]
) -> dict[str, pa.ListArray]:
    """Everything but the tokens, by feature.

    Args:
        batch: has the columns of `columns`.
        columns: which there are.
        labels: classes of the train split, by index.
        categories: values of each categorical column in the train split, by index.
    """
    found = {"id": _one_each(batch.column("id").cast(pa.binary()))}
    if columns.label is not None:
        found["label"] = _label(batch.column("label"), columns, labels)
    if columns.weight:
        found["weight"] = _one_each(pc.fill_null(batch.column("weight").cast(pa.float32()), 1.0))
    if columns.numeric:
        values = [batch.column(NUMERIC + name).to_numpy(zero_copy_only=False) for name in columns.numeric]
        found["numeric"] = _side_by_side([value.astype(np.float32) for value in values])
    if columns.categorical:
        found["categorical"] = _side_by_side(
            [_indices(batch.column(CATEGORICAL + name), categories[name]).to_numpy() for name in columns.categorical]
        )
    return found


def learn_categories(files: Iterable[Path], columns: Columns) -> dict[str, list[str]]:
    """The values of each categorical column in some Parquet files, sorted.

    Raises:
        UserError: a column has so many that it names rows rather than kinds of rows.
    """
    found: dict[str, set[str]] = {name: set() for name in columns.categorical}
    for file in files if found else ():
        names = [CATEGORICAL + name for name in found]
        for batch in pq.ParquetFile(file).iter_batches(columns=names, use_threads=False):
            for name, values in found.items():
                values.update(batch.column(CATEGORICAL + name).unique().drop_null().to_pylist())
                if len(values) > MOST_CATEGORIES:
                    raise UserError(
                        f"The categorical column '{name}' has more than {MOST_CATEGORIES:,} different values, such as "
                        f"{min(values)!r}. Expected kinds of rows, not names of rows: leave it out of the source."
                    )
    return {name: sorted(values) for name, values in found.items()}


def needed(columns: Columns) -> list[str]:
    """The columns that `features` and the tokenizer read.

    >>> needed(Columns(text_pair=True, slices=("topic",)))
    ['id', 'text', 'text_pair', 'label']
    """
    unused = {f"{name}_raw" for name in columns.texts()} | {"augmentation"}
    names = columns.model_copy(update={"slices": ()}).arrow_schema().names
    return [name for name in names if name not in unused]


def _label(column: pa.Array, columns: Columns, labels: Sequence[str]) -> pa.ListArray:
    if columns.label == "value":
        return _one_each(column.cast(pa.float32()))
    if columns.label == "class":
        return _one_each(_indices(column, labels))
    known = _indices(column.flatten(), labels).to_numpy()
    row = np.repeat(np.arange(len(column)), pc.fill_null(pc.list_value_length(column), 0).to_numpy())
    both = np.unique(np.stack([row, known])[:, known >= 0], axis=1)
    splits = np.searchsorted(both[0], np.arange(len(column) + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(splits, both[1])


def _indices(values: pa.Array, known: Sequence[str]) -> pa.Array:
    """The place of each value in `known`, -1 for others and nulls: int64 [n]."""
    places = pc.index_in(values, pa.array(known, pa.string()), skip_nulls=True)
    return pc.fill_null(places, -1).cast(pa.int64())


def _one_each(values: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(np.arange(len(values) + 1, dtype=np.int32), values)


def _side_by_side(columns: Sequence[np.ndarray]) -> pa.ListArray:
    """One value of each column per row."""
    splits = np.arange(len(columns[0]) + 1, dtype=np.int32) * len(columns)
    return pa.ListArray.from_arrays(splits, np.stack(columns, axis=1).ravel())

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.tokens import token_features
from models.tokens.token_features import features, learn_categories
from schemas.columns import Columns
from schemas.errors import UserError


def made(columns, values, labels=(), categories=None):
    rows = len(next(iter(values.values())))
    fields = {"id": [f"r{i}" for i in range(rows)], "text": [""] * rows, **values}
    schema = columns.arrow_schema()
    batch = pa.record_batch(
        [pa.array(fields.get(field.name, [None] * rows), field.type) for field in schema], schema=schema
    )
    found = features(batch, columns, labels, categories or {})
    return {name: column.to_pylist() for name, column in found.items()}


def test_a_class_is_its_place_among_those_of_train():
    found = made(Columns(), {"label": ["b", "a", "odd", None]}, labels=["a", "b"])
    assert found == {"id": [[b"r0"], [b"r1"], [b"r2"], [b"r3"]], "label": [[1], [0], [-1], [-1]]}


def test_several_classes_are_their_places_in_order_without_unknown_ones():
    labels = [["c", "a"], [], ["odd"], None, ["b", "odd", "b"]]
    assert made(Columns(label="classes"), {"label": labels}, labels=["a", "b", "c"])["label"] == [
        [0, 2],
        [],
        [],
        [],
        [1],
    ]


def test_values_weights_and_numbers_are_floats():
    columns = Columns(label="value", weight=True, numeric=("x", "y"))
    values = {"label": [0.5, -2.0], "weight": [2.0, None], "numeric/x": [1.0, None], "numeric/y": [3.0, 4.0]}
    found = made(columns, values)
    assert found["label"] == [[0.5], [-2.0]]
    assert found["weight"] == [[2.0], [1.0]]
    assert found["numeric"][0] == [1.0, 3.0]
    assert math.isnan(found["numeric"][1][0])
    assert found["numeric"][1][1] == 4.0


def test_categories_are_learnt_sorted_and_others_are_unknown(tmp_path):
    columns = Columns(label=None, categorical=("country", "plan"))
    for number, countries in enumerate((["fr", "de"], ["fr", None])):
        pq.write_table(
            pa.table({"categorical/country": countries, "categorical/plan": ["free", "paid"]}),
            tmp_path / f"{number}.parquet",
        )
    categories = learn_categories(sorted(tmp_path.iterdir()), columns)
    assert categories == {"country": ["de", "fr"], "plan": ["free", "paid"]}
    values = {"categorical/country": ["fr", "it", None], "categorical/plan": ["paid", "free", "gold"]}
    assert made(columns, values, categories=categories)["categorical"] == [[1, 1], [-1, 0], [-1, -1]]


def test_a_column_of_names_is_no_category(tmp_path, monkeypatch):
    monkeypatch.setattr(token_features, "MOST_CATEGORIES", 2)
    pq.write_table(pa.table({"categorical/user": ["a", "b", "c"]}), tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"'user' has more than 2 different values, such as 'a'.*leave it out"):
        learn_categories([tmp_path / "x.parquet"], Columns(categorical=("user",)))

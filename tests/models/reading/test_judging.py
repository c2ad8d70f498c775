"""What each role asks of a record, and that every format asks the same."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.reading.readers import kept_schema, read
from models.reading.roles import Roles
from models.reading.source_checks import check_source
from models.reading.sources import find_source, pieces

COLUMNS = ("text", "other", "label", "weight", "key", "who", "part", "age", "city")
ROLES = Roles(
    text_pair="other",
    weight="weight",
    id="key",
    group="who",
    split="part",
    numeric=("age",),
    categorical=("city",),
    slices=("city", "who"),
)
GOOD = ("a text", "a pair", " spam ", "0.5", "k1", "ann", "train", "42", "Rome")


def write_csv(path: Path, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def judged(path: Path, roles: Roles) -> tuple[list[dict[str, Any]], list[str]]:
    """Kept rows and the reasons of the others."""
    found = find_source(str(path), format="auto", encoding="utf-8", roles=roles)
    check_source(found, 1.0)
    kept, reasons = [], []
    for piece in pieces(found):
        for rows in read(piece, found):
            assert rows.kept.schema == kept_schema(roles)
            kept += rows.kept.to_pylist()
            reasons += rows.rejected["reason"].to_pylist()
    return kept, reasons


def test_every_role_has_its_column(tmp_path):
    write_csv(tmp_path / "a.csv", COLUMNS, [GOOD])
    kept, reasons = judged(tmp_path / "a.csv", ROLES)
    assert reasons == []
    assert kept == [
        {
            "row": 1,
            "id": "k1",
            "split": "train",
            "group": "ann",
            "text": "a text",
            "text_pair": "a pair",
            "label": "spam",
            "weight": 0.5,
            "numeric/age": 42.0,
            "categorical/city": "Rome",
            "slice/city": "Rome",
            "slice/who": "ann",
        }
    ]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("text", " ", "missing_text"),
        ("other", "", "missing_text_pair"),
        ("label", "  ", "missing_label"),
        ("weight", "", "bad_weight"),
        ("weight", "-0.1", "bad_weight"),
        ("weight", "much", "bad_weight"),
        ("weight", "inf", "bad_weight"),
        ("weight", "1e39", "bad_weight"),  # more than a float holds
        ("key", "", "missing_id"),
        ("who", " ", "missing_group"),
        ("part", "", "missing_split"),
        ("part", "holdout", "unknown_split"),
        ("age", "old", "not_a_number"),
        ("age", "1,5", "not_a_number"),
        ("age", "0x10", "not_a_number"),
        ("age", "-Infinity", "not_finite"),
        ("age", "1e999", "not_finite"),
    ],
)
def test_reasons(tmp_path, column, value, reason):
    bad = tuple(value if name == column else good for name, good in zip(COLUMNS, GOOD, strict=True))
    write_csv(tmp_path / "a.csv", COLUMNS, [GOOD, bad])
    kept, reasons = judged(tmp_path / "a.csv", ROLES)
    assert [row["row"] for row in kept] == [1]
    assert reasons == [reason]


def test_missing_features_are_kept_as_missing(tmp_path):
    rows = [(*GOOD[:7], age, city) for age, city in (("", ""), ("NaN", " "), ("n/a", "x"), (" +1.5e1 ", "x"))]
    write_csv(tmp_path / "a.csv", COLUMNS, rows)
    kept, reasons = judged(tmp_path / "a.csv", ROLES)
    assert reasons == []
    assert [row["numeric/age"] for row in kept] == [None, None, None, 15.0]
    assert [row["slice/city"] for row in kept] == [None, None, "x", "x"]


def test_split_names(tmp_path):
    names = ["Train", " training", "EVAL", "Evaluation", "validation", "valid", "val", "dev", "test ", "testing"]
    write_csv(tmp_path / "a.csv", ("text", "label", "part"), [("x", "y", name) for name in names])
    kept, _ = judged(tmp_path / "a.csv", Roles(split="part"))
    assert [row["split"] for row in kept] == ["train"] * 2 + ["eval"] * 6 + ["test"] * 2


VALUES = [1, 2.5, "3", True, None, float("nan"), float("inf"), "many", [1], 2**70]
WANTED = [1.0, 2.5, 3.0, 1.0, 2.0**70]
REASONS = ["missing_label", "missing_label", "not_finite", "not_a_number", "wrong_type"]


def test_values_to_regress_on(tmp_path):
    roles = Roles(label_kind="value")
    lines = [json.dumps({"text": "x", "label": value}) for value in VALUES]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    kept, reasons = judged(tmp_path / "a.jsonl", roles)
    assert ([row["label"] for row in kept], reasons) == (WANTED, REASONS)
    for i, line in enumerate(lines):  # alone, where the type of its block is another
        (tmp_path / "a.jsonl").write_text(line)
        alone, reason = judged(tmp_path / "a.jsonl", roles)
        assert [row["label"] for row in alone] == [row["label"] for row in kept if row["row"] == i + 1]
        assert set(reason) <= set(REASONS)
    pq.write_table(pa.table({"text": ["x"] * 4, "label": [1.5, math.nan, math.inf, None]}), tmp_path / "a.parquet")
    kept, reasons = judged(tmp_path / "a.parquet", roles)
    assert ([row["label"] for row in kept], reasons) == ([1.5], ["missing_label", "not_finite", "missing_label"])


def test_several_classes_from_indicator_columns(tmp_path):
    rows = [("x", "1", "TRUE"), ("x", "0", "0.0"), ("x", "1.0", "false"), ("x", "", "1"), ("x", "2", "1")]
    write_csv(tmp_path / "a.csv", ("text", "spam", "rude"), rows)
    roles = Roles(label=("spam", "rude"), label_kind="classes")
    kept, reasons = judged(tmp_path / "a.csv", roles)
    assert [row["label"] for row in kept] == [["rude", "spam"], [], ["spam"]]
    assert reasons == ["missing_label", "wrong_type"]
    table = pa.table({"text": ["x"] * 3, "spam": [True, False, None], "rude": pa.array([1, 0, 1], pa.int8())})
    pq.write_table(table, tmp_path / "a.parquet")
    kept, reasons = judged(tmp_path / "a.parquet", roles)
    assert [row["label"] for row in kept] == [["rude", "spam"], []]
    assert reasons == ["missing_label"]


def test_several_classes_from_one_column(tmp_path):
    roles = Roles(label_kind="classes", label_separator="|")
    write_csv(tmp_path / "a.csv", ("text", "label"), [("x", "b| a |b"), ("x", "c"), ("x", "")])
    kept, reasons = judged(tmp_path / "a.csv", roles)
    assert ([row["label"] for row in kept], reasons) == ([["a", "b"], ["c"]], ["missing_label"])

    values = [["b", "a"], [], "c|d", None, [1, True, None], [["deep"]], 7, {"a": 1}]
    lines = [json.dumps({"text": "x", "label": value}) for value in values]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    kept, reasons = judged(tmp_path / "a.jsonl", roles)
    assert [row["label"] for row in kept] == [["a", "b"], [], ["c", "d"], ["1", "true"], ["7"]]
    assert reasons == ["missing_label", "wrong_type", "wrong_type"]

    lists = pa.array([["b", "a", "b"], [], None, ["x", " "]]).cast(pa.list_(pa.string()))
    pq.write_table(pa.table({"text": ["x"] * 4, "label": lists}), tmp_path / "a.parquet")
    kept, reasons = judged(tmp_path / "a.parquet", Roles(label_kind="classes"))
    assert ([row["label"] for row in kept], reasons) == ([["a", "b"], [], ["x"]], ["missing_label"])


def test_unlabelled_and_tabular(tmp_path):
    write_csv(tmp_path / "a.csv", ("text", "age"), [("x", "1"), ("", "2")])
    assert judged(tmp_path / "a.csv", Roles(label=())) == ([{"row": 1, "text": "x"}], ["missing_text"])
    kept, _ = judged(tmp_path / "a.csv", Roles(text=None, label=(), numeric=("age",)))
    assert kept == [{"row": 1, "numeric/age": 1.0}, {"row": 2, "numeric/age": 2.0}]


def test_parquet_types(tmp_path):
    import datetime
    import decimal

    table = pa.table(
        {
            "text": pa.array(["x", "y"], pa.large_string()),
            "label": pa.array(["a", "b"]).dictionary_encode(),
            "age": pa.array([decimal.Decimal("1.50"), None]),
            "who": pa.array([0.5, 2.0]),
            "day": pa.array([datetime.date(2024, 1, 2), None]),
            "flag": pa.array([True, None]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    roles = Roles(group="who", numeric=("age",), categorical=("day", "flag"))
    assert judged(tmp_path / "a.parquet", roles)[0] == [
        {
            "row": 1,
            "group": "0.5",
            "text": "x",
            "label": "a",
            "numeric/age": 1.5,
            "categorical/day": "2024-01-02",
            "categorical/flag": "true",
        },
        {
            "row": 2,
            "group": "2",
            "text": "y",
            "label": "b",
            "numeric/age": None,
            "categorical/day": None,
            "categorical/flag": None,
        },
    ]


def test_nul_bytes_are_left_to_cleaning(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,label\n" + b"good,a\n" * 50 + b"a\x00b,a\n")
    assert judged(tmp_path / "a.csv", Roles())[0][-1]["text"] == "a\0b"

import pyarrow as pa

from models.ingest.cleaning import Cleaning
from models.ingest.records import prepare, working_schema
from models.ingest.settling import settle
from schemas.columns import Columns


def rows(columns: Columns, **values: list) -> pa.Table:
    """Records as a reader gives them, prepared."""
    count = len(next(iter(values.values())))
    types = {field.name: field.type for field in working_schema(columns, grouped=False)}
    batch = pa.record_batch(
        {
            "row": pa.array(range(1, count + 1), pa.int64()),
            **{name: pa.array(column, types.get(name, pa.string())) for name, column in values.items()},
        }
    )
    prepared = prepare(batch, columns, Cleaning(), piece=0)
    assert not len(prepared.refused)
    return pa.Table.from_batches([prepared.records])


def test_equal_texts_with_one_label_are_one_record():
    table = rows(Columns(), text=["Good film", "bad film", "good  FILM", "bad film"], label=["p", "n", "p", "p"])
    settled = settle(table, Columns(), duplicates="remove", contradictions="keep")
    assert sorted(settled.records["label"].to_pylist()) == ["n", "p", "p"]
    (refused,) = settled.refused.to_pylist()
    kept = [row for row in settled.records.to_pylist() if row["id"] == refused["duplicate_of"]]
    assert (refused["reason"], refused["piece"]) == ("duplicate", 0)
    assert {refused["row"], kept[0]["row"]} == {1, 3}
    assert settled.contradictions.to_pylist() == [{"text": "bad film", "labels": ["n", "p"], "rows": [1, 1]}]


def test_all_stay_where_duplicates_are_kept_and_ids_are_unique():
    table = rows(Columns(), text=["a b", "a b", "a b"], label=["p", "p", "p"])
    settled = settle(table, Columns(), duplicates="keep", contradictions="keep")
    assert len(settled.refused) == 0
    ids = settled.records["id"].to_pylist()
    assert [name.partition("-")[2] for name in ids] == ["", "2", "3"] and len({name[:24] for name in ids}) == 1


def test_contradictions_can_go_and_are_counted_before_duplicates():
    table = rows(Columns(), text=["a b", "a b", "a b", "c"], label=["p", "n", "p", "p"])
    settled = settle(table, Columns(), duplicates="remove", contradictions="remove")
    assert settled.records["text"].to_pylist() == ["c"]
    assert settled.refused["reason"].to_pylist() == ["contradictory_label"] * 3
    assert settled.contradictions.to_pylist() == [{"text": "a b", "labels": ["n", "p"], "rows": [1, 2]}]


def test_features_tell_records_apart():
    columns = Columns(numeric=("age",))
    table = rows(columns, text=["a", "a", "a"], label=["p", "n", "p"], **{"numeric/age": [1.0, 2.0, 1.0]})
    settled = settle(table, columns, duplicates="remove", contradictions="keep")
    assert sorted(settled.records["numeric/age"].to_pylist()) == [1.0, 2.0]
    assert len(settled.contradictions) == 0


def test_tables_without_texts_and_values_without_classes():
    columns = Columns(text=False, label="value", numeric=("x",))
    table = rows(columns, label=[1.0, 2.0, 1.0], **{"numeric/x": [5.0, 5.0, 5.0]})
    settled = settle(table, columns, duplicates="remove", contradictions="remove")
    assert sorted(settled.records["label"].to_pylist()) == [1.0, 2.0]
    assert settled.refused["reason"].to_pylist() == ["duplicate"]


def test_each_given_split_is_looked_at_alone():
    columns = Columns()
    table = rows(columns, text=["a", "a", "a"], label=["p", "p", "p"], split=["train", "test", "test"])
    settled = settle(table, columns, duplicates="remove", contradictions="keep")
    assert sorted(settled.records["given"].to_pylist()) == [0, 2]


def test_several_classes_and_pairs():
    columns = Columns(text_pair=True, label="classes")
    table = rows(columns, text=["a", "a", "a"], text_pair=["b", "c", "b"], label=[["x", "y"], ["x"], ["x", "y"]])
    settled = settle(table, columns, duplicates="remove", contradictions="keep")
    assert sorted(settled.records["text_pair"].to_pylist()) == ["b", "c"]
    assert settled.refused["duplicate_of"].to_pylist() == [
        row["id"] for row in settled.records.to_pylist() if row["text_pair"] == "b"
    ]

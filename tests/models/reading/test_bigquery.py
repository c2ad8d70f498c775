"""BigQuery with a table of our own making: there is none to reach here."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from components.base import Outside
from models.reading import bigquery_tables
from models.reading.judging import Rows
from models.reading.readers import place
from models.reading.roles import Roles
from models.reading.source_checks import check_source
from models.reading.sources import Piece, Source, find_source
from pipeline.store import Store
from schemas.errors import UserError

COLUMNS = {"text": "STRING", "label": "INTEGER", "tags": "STRING", "at": "TIMESTAMP", "place": "RECORD"}


def source(**roles: Any) -> Source:
    return find_source("bigquery://project.reviews.all", format="auto", encoding="utf-8", roles=Roles(**roles))


@pytest.fixture
def serve(monkeypatch):
    """`serve(num_rows=…)`: the table that the client finds; an exception is raised instead."""

    def serve(problem: Exception | None = None, **changes: Any) -> None:
        fields = [
            SimpleNamespace(name=name, field_type=kind, mode="REPEATED" if name == "tags" else "NULLABLE")
            for name, kind in COLUMNS.items()
        ]
        table = {"schema": fields, "num_rows": 2, "full_table_id": "x", "etag": "1", "modified": datetime.now(UTC)}

        def get_table(name: str) -> Any:
            assert name == "project.reviews.all"
            if problem is not None:
                raise problem
            return SimpleNamespace(**{**table, **changes})

        monkeypatch.setattr(bigquery_tables, "_is_installed", lambda: True)
        monkeypatch.setattr(bigquery_tables, "_client", lambda name: SimpleNamespace(get_table=get_table))

    return serve


def complaint(check: Callable[[], Any]) -> str:
    with pytest.raises(UserError) as raised:
        check()
    return str(raised.value)


def test_a_table_is_looked_at_before_anything_runs(serve):
    serve()
    check_source(source(), 0.0)
    check_source(source(label=("tags",), label_kind="classes", slices=("at",)), 0.0)
    assert source().root == "project.reviews.all"
    assert "ingest_examples.text: project.reviews.all has no column 'txt'. Did you mean 'text'?" in complaint(
        lambda: check_source(source(text="txt"), 0.0)
    )
    assert "column 'place' of project.reviews.all has type NULLABLE RECORD" in complaint(
        lambda: check_source(source(numeric=("place",)), 0.0)
    )
    serve(num_rows=0)
    assert "project.reviews.all has no records" in complaint(lambda: check_source(source(), 0.0))
    serve(RuntimeError("403 no"))
    assert "cannot be looked at: 403 no. Expected a table that you may read" in complaint(
        lambda: check_source(source(), 0.0)
    )


def test_what_is_said_without_the_extra_and_of_names_that_are_none(monkeypatch):
    monkeypatch.setattr(bigquery_tables, "_is_installed", lambda: False)
    assert "needs BigQuery's packages, which are not installed here. Install them: pip install 'modelmill[gcp]'" in (
        complaint(lambda: check_source(source(), 0.0))
    )
    short = find_source("bigquery://reviews.all", format="auto", encoding="utf-8", roles=Roles())
    assert "names no table. Expected bigquery://project.dataset.table" in complaint(lambda: check_source(short, 0.0))
    assert "'a.csv' names no BigQuery table" in complaint(
        lambda: find_source("a.csv", format="bigquery", encoding="utf-8", roles=Roles())
    )


def test_a_table_has_no_numbers():
    assert place(Piece(()), 0, 0, source()) == ("project.reviews.all", 0)
    assert Piece(()).file_key == ""


def test_the_digest_follows_the_table(serve, tmp_path):
    def digest() -> str:
        return Store(tmp_path).outside_digest("bigquery://project.reviews.all", Outside(), "ingest_examples.source")

    modified = datetime(2024, 1, 1, tzinfo=UTC)
    serve(modified=modified)
    first = digest()
    serve(modified=modified)
    assert digest() == first
    serve(modified=modified, etag="2")
    assert digest() != first


@pytest.mark.slow
def test_records_are_judged_like_those_of_files():
    import apache_beam as beam
    from apache_beam.testing.util import assert_that

    from models.reading.bigquery import ReadTable

    records = [{"text": "x", "label": 1}, {"text": None, "label": 2}, {"text": "y", "label": None}]
    found: dict[str, Any] = {"label": "1", "row": 0, "text": "x"}

    def check(batches: list[Rows]) -> None:
        kept = [row for rows in batches for row in rows.kept.to_pylist()]
        reasons = [reason for rows in batches for reason in rows.rejected["reason"].to_pylist()]
        assert (kept, sorted(reasons)) == ([found], ["missing_label", "missing_text"])
        assert sum(rows.count for rows in batches) == 3

    with beam.Pipeline("FnApiRunner") as pipeline:
        assert_that(pipeline | ReadTable(source(), beam.Create(records)), check)

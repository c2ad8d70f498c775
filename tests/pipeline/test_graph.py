"""Wiring is checked when a step is added, values before anything runs."""

from typing import Annotated

import pytest
from pydantic import Field

from components.base import Input, Metrics, Output, component
from pipeline.graph import Pipeline
from pipeline.scenario import Scenario
from schemas.artifacts import Examples, Model, Tokens, Verdict
from schemas.errors import UserError


@component
def read_rows(
    rows: Output[Examples], verdict: Output[Verdict], *, count: Annotated[int, Field(ge=1, description="rows to read")]
) -> Metrics:
    """Read some rows."""
    return {}


@component
def cut_rows(rows: Input[Examples], tokens: Output[Tokens], *, max_length: Annotated[int, Field(ge=8)] = 8) -> Metrics:
    """Cut rows."""
    return {}


@component
def learn(tokens: Input[Tokens], model: Output[Model]) -> Metrics:
    """Learn."""
    return {}


def line(**steps):
    p = Pipeline(Scenario("demo", "line", steps))
    rows = p.add(read_rows)
    tokens = p.add(cut_rows, rows=rows.outputs["rows"])
    p.add(learn, tokens=tokens.outputs["tokens"], only_if=rows.outputs["verdict"])
    return p


def test_parameters_are_completed_and_converted():
    steps = line(read_rows={"count": "3"}).check().steps
    assert steps["read_rows"].parameters == {"count": 3}
    assert steps["cut_rows"].parameters == {"max_length": 8}
    assert steps["learn"].upstream() == ["cut_rows", "read_rows"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ({"read_row": {}}, "Recipe 'line' has no step 'read_row'. Did you mean 'read_rows'?"),
        ({"read_rows": {"cuont": 1}}, "read_rows has no parameter 'cuont'. Did you mean 'count'? It takes: count."),
        ({}, "read_rows needs 'count' (rows to read). Add it to the scenario or give --set read_rows.count=..."),
        ({"read_rows": {"count": 0}}, "read_rows.count (rows to read): Input should be greater than or equal to 1."),
        ({"read_rows": {"count": "many"}}, "Received 'many'."),
        ({"read_rows": {"count": 1}, "cut_rows": {"max_length": 7}}, "cut_rows.max_length"),
    ],
)
def test_wrong_values(steps, message):
    with pytest.raises(UserError) as error:
        line(**steps).check()
    assert message in str(error.value)


def test_wrong_wiring():
    p = Pipeline(Scenario("demo", "line"))
    rows = p.add(read_rows)
    with pytest.raises(UserError, match=r"learn\(tokens=...\) needs Tokens, but got Examples \(read_rows.rows\)"):
        p.add(learn, tokens=rows.outputs["rows"])
    with pytest.raises(UserError, match="learn needs Tokens as 'tokens', but nothing is wired to it"):
        p.add(learn)
    with pytest.raises(UserError, match="cut_rows has no input 'row'"):
        p.add(cut_rows, row=rows.outputs["rows"])
    with pytest.raises(UserError, match="already has a step 'read_rows'"):
        p.add(read_rows)
    with pytest.raises(UserError, match="only_if needs a Verdict, but got Examples"):
        p.add(cut_rows, rows=rows.outputs["rows"], only_if=rows.outputs["rows"])


def test_part_of_a_line():
    p = line(read_rows={"count": 1})
    assert [step.name for step in p.part(start="cut_rows", until="cut_rows")] == ["cut_rows"]
    with pytest.raises(UserError, match="no step 'lern'"):
        p.part(start="lern", until=None)
    with pytest.raises(UserError, match="comes after"):
        p.part(start="learn", until="read_rows")


def test_component_needs_types_and_a_place_for_parameters():
    with pytest.raises(TypeError, match="'rows' needs a type"):

        @component
        def untyped(rows): ...

    with pytest.raises(TypeError, match="Put parameters behind a '\\*'"):

        @component
        def unmarked(count: int) -> Metrics: ...

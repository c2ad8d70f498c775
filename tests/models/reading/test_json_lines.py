"""Arrow's parser and Python's must agree on every line, since which of them reads it depends on its neighbours."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.reading.json_lines import _at_once, _one_by_one
from models.reading.judging import judge
from models.reading.roles import Roles

ROLES = Roles(label=("label",), numeric=("n",), slices=("s",))
LISTS = Roles(label=("label",), label_kind="classes", label_separator="|")

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.integers(0, 3), st.floats(), st.text(max_size=5)
)
values = st.one_of(scalars, st.lists(st.text(max_size=3), max_size=3), st.dictionaries(st.text(max_size=1), scalars))
objects = st.fixed_dictionaries(
    {}, optional={"text": st.one_of(st.text(), scalars), "label": values, "n": values, "s": values, "else": values}
)
alike = st.fixed_dictionaries(
    {"text": st.text(), "label": st.integers(0, 9), "n": st.one_of(st.none(), st.floats())}, optional={"s": st.text()}
)


def judged(blocks: Any, roles: Roles) -> list[list[Any]]:
    kept, rejected = [], []
    for block in blocks:
        rows = judge(block, roles)
        kept += [str(row) for row in rows.kept.to_pylist()]  # NaN is not equal to itself
        rejected += rows.rejected.to_pylist()
    return [kept, rejected]


def both(lines: list[str], roles: Roles) -> tuple[Any, Any]:
    content = "\n".join(lines).encode()
    fast = _at_once(content, 1, roles)
    return fast and judged(fast, roles), judged(_one_by_one(content, 1, roles), roles)


@settings(deadline=None, max_examples=400)
@given(st.one_of(st.lists(objects, min_size=1, max_size=4), st.lists(alike, min_size=1)), st.booleans(), st.booleans())
def test_both_parsers_agree(records, ascii_only, with_lists):
    roles = LISTS if with_lists else ROLES
    fast, slow = both([json.dumps(record, ensure_ascii=ascii_only) for record in records], roles)
    assert fast is None or fast == slow


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text(alphabet='{}[]":,\\ \t\rtex1-.eu0d8', max_size=30), min_size=1, max_size=3))
def test_both_parsers_agree_on_what_is_hardly_json(lines):
    lines = ['{"text": "x", "label": "a"}', *(f'{{"text": "{line}"}}' for line in lines)]
    fast, slow = both(lines, ROLES)
    assert fast is None or fast == slow


def test_plain_lines_take_the_fast_way():
    lines = [
        json.dumps({"text": f"text {i}", "label": i % 2, "n": i / 2, "s": "x", "more": [i]}) for i in range(20_000)
    ]
    fast, slow = both(lines, ROLES)
    assert fast == slow
    assert len(fast[0]) == 20_000
    assert fast[0][-1] == str({"row": 20_000, "text": "text 19999", "label": "1", "numeric/n": 9999.5, "slice/s": "x"})


@pytest.mark.parametrize(
    "lines",
    [
        ['{"text": "a"} {"text": "b"}', '{"text":', '"c"}'],
        ['{"text": "a"}', '{"text": "a", "text": "b"}'],
        ['{"text": "a"}', '{"text": 1}'],
        ['{"text": "a"}', '{"text": "a", "label": {}}'],
        ['{"text": "a"}', "", '{"text": "b"}'],
    ],
)
def test_others_do_not(lines):
    assert _at_once("\n".join(lines).encode(), 1, ROLES) is None


def test_a_line_is_shown_as_it_was():
    fast, slow = both(['{"text": "a", "label": 1}', '{"text": " ", "label": 1}\r', '{"text": "b", "label": 1}'], ROLES)
    assert fast == slow
    assert fast[1] == [{"row": 2, "reason": "missing_text", "record": '{"text": " ", "label": 1}'}]

"""Keys cover what can change an answer and nothing else."""

import ast

from hypothesis import given
from hypothesis import strategies as st

from pipeline import keys
from schemas.manifest import KeyParts

PARTS = KeyParts(
    component="c",
    code={"m": "1"},
    parameters={"n": 1},
    inputs={"x": "d"},
    outside={},
    libraries={"numpy": "2"},
    python="3",
)


def digest(code):
    return keys.code_digest(ast.parse(code))


def test_code_digest_ignores_comments_blank_lines_and_docstrings():
    code = "def f(x):\n    return x + 1\n"
    same = '"""Module."""\n\n# why\ndef f(x):\n    """Doc."""\n    # because\n\n    return x + 1\n'
    assert digest(code) == digest(same)
    assert digest(code) != digest(code.replace("1", "2"))


def test_code_digest_sees_text_that_is_not_a_docstring():
    assert digest("x = 'a'") != digest("x = 'b'")


def test_reachable_follows_imports_inside_bodies():
    found = keys.reachable("components.train_bert")
    assert {"components.train_bert", "components.base", "schemas.artifacts", "models.training"} <= found.keys()
    assert "components.ingest_examples" not in found and "models.metrics" not in found


def test_libraries_are_those_imported_and_what_computes_behind_them():
    tree = ast.parse("import keras_hub\nfrom sklearn import metrics\nimport json\nimport pydantic\nimport schemas")
    assert keys.libraries([tree]).keys() == {"keras_hub", "keras", "tensorflow", "numpy", "sklearn"}


@given(
    st.sampled_from(["component", "code", "parameters", "inputs", "outside", "libraries", "python"]),
    st.text(min_size=1),
)
def test_every_part_changes_the_key(part, value):
    old = getattr(PARTS, part)
    changed = PARTS.model_copy(update={part: old + value if isinstance(old, str) else {**old, "new": value}})
    assert changed.key() != PARTS.key()


def test_differences_name_what_changed():
    now = PARTS.model_copy(
        update={"code": {"m": "2", "k": "1"}, "libraries": {"numpy": "3"}, "python": "4", "inputs": {}}
    )
    assert keys.differences(now, PARTS) == [
        "code of k: new",
        "code of m: changed",
        "input x: gone",
        "library numpy: 2 → 3",
        "Python: 3 → 4",
    ]
    assert keys.differences(PARTS, PARTS) == []

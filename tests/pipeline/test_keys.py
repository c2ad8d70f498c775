"""Keys cover what can change an answer and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline import keys
from pipeline.project_code import Module, ModuleReader, analyse, libraries, reachable
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
    return analyse(code.encode()).digest


def test_code_digest_ignores_comments_blank_lines_and_docstrings():
    code = "def f(x):\n    return x + 1\n"
    same = '"""Module."""\n\n# why\ndef f(x):\n    """Doc."""\n    # because\n\n    return x + 1\n'
    assert digest(code) == digest(same)
    assert digest(code) != digest(code.replace("1", "2"))


def test_code_digest_sees_text_that_is_not_a_docstring():
    assert digest("x = 'a'") != digest("x = 'b'")


def test_reachable_follows_imports_inside_bodies():
    found = reachable("components.train_bert", ModuleReader())
    assert {"components.train_bert", "components.base", "schemas.artifacts", "models.training"} <= found.keys()
    assert "components.ingest_examples" not in found and "models.metrics" not in found


def test_libraries_are_those_imported_and_what_computes_behind_them():
    code = b"import keras_hub\nfrom sklearn import metrics\nimport json\nimport pydantic\nimport schemas"
    assert libraries([analyse(code)]).keys() == {"keras_hub", "keras", "tensorflow", "numpy", "sklearn"}


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


def test_analyses_are_remembered_by_the_version_of_the_source(tmp_path):
    memory = tmp_path / "code.json"
    reader = ModuleReader(memory)
    found = reader("schemas.digests")
    reader.remember()
    text = memory.read_text()
    assert found.digest in text
    memory.write_text(text.replace(found.digest, "0123456789abcdef"))
    assert ModuleReader(memory)("schemas.digests") == Module("0123456789abcdef", found.imports)
    assert ModuleReader(memory)("schemas.nothing") is None

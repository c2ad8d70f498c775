"""Scenario files: what is read, and what is refused with which words."""

import pytest

from pipeline.scenario import load
from schemas.errors import UserError


@pytest.fixture
def write(tmp_path):
    def write_scenario(text, name="demo.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write_scenario


def test_scalars_follow_yaml_1_2(write):
    steps = load(write("prune_model: {pattern: 2:4, mode: on, rate: 5e-5, share: 010}")).steps
    assert steps["prune_model"] == {"pattern": "2:4", "mode": "on", "rate": 5e-5, "share": 10}


def test_name_defaults_to_the_file(write):
    assert load(write("train_bert: {epochs: 1}", "my-run.yaml")).name == "my-run"


def test_overrides_reach_nested_values_and_new_steps(write):
    path = write("evaluate_model: {thresholds: {accuracy: 0.9}}")
    scenario = load(path, ["evaluate_model.thresholds.f1_macro=0.8", "train_bert.epochs=1", "name=other"])
    assert scenario.steps == {
        "evaluate_model": {"thresholds": {"accuracy": 0.9, "f1_macro": 0.8}},
        "train_bert": {"epochs": 1},
    }
    assert scenario.name == "other"


def test_beam_options(write):
    scenario = load(write("beam: {runner: DataflowRunner, region: europe-west1, save_main_session: true}"))
    assert scenario.beam_options() == ("--runner=DataflowRunner", "--region=europe-west1", "--save_main_session")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b\n", ["a list", "mapping of step names to parameters"]),
        ("", ["empty", "mapping of step names to parameters"]),
        ("a: [1,\n", ["line", "not valid YAML"]),
        ("a: {b: 1, b: 2}\n", ["not valid YAML", "duplicate key"]),
        ("train_bert: 3\n", ["'train_bert'", "map parameters to values"]),
        ("train_bert: [1]\n", ["'train_bert' is a list"]),
        ("name: a/b\n", ["'a/b'", "letters, digits"]),
        ("beam: DirectRunner\n", ["'beam' is a text", "runner: FnApiRunner"]),
        ("x: !!python/object/apply:os.system ['true']\n", ["not valid YAML"]),
    ],
)
def test_refused_files_say_what_came_and_what_is_expected(write, text, words):
    with pytest.raises(UserError) as error:
        load(write(text))
    for word in words:
        assert word in str(error.value)


def test_missing_file_suggests_a_near_one(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").mkdir()
    write("name: tweets", "scenarios/tweets.yaml")
    with pytest.raises(
        UserError, match=r"no scenario file 'scenarios/tweet.yaml'. Did you mean 'scenarios/tweets.yaml'"
    ):
        load(tmp_path.__class__("scenarios/tweet.yaml"))


def test_file_that_is_not_text(tmp_path):
    path = tmp_path / "demo.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        load(path)


@pytest.mark.parametrize("override", ["epochs=1", "train_bert.epochs", "train_bert.=1", "name.x=1"])
def test_malformed_override(write, override):
    with pytest.raises(UserError, match="--set"):
        load(write("name: demo"), [override])

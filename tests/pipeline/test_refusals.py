"""A wrong scenario is refused before anything runs: what came, what was expected, how to mend it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main

GOOD = """
name: demo
ingest_examples: {source: reviews.csv}
train_bert: {preset: tiny_bert}
evaluate_model: {thresholds: {accuracy: 0.5}}
"""
CSV = "text,label\n" + "".join(f"text number {i},{'ab'[i % 2]}\n" for i in range(40))


@pytest.fixture
def refuse(tmp_path, monkeypatch):
    """`refuse(words, *arguments, scenario=…)`: run and expect a refusal with these words that leaves no step behind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_text(CSV)

    def run(words, *arguments, scenario=GOOD):
        Path("demo.yaml").write_text(scenario)
        result = CliRunner().invoke(main, ["run", "demo.yaml", *arguments])
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output
        for word in words:
            assert word in result.output
        assert not list(tmp_path.glob(".modelmill/*/*/manifest.json"))

    return run


def with_source(content: bytes | str, name: str = "reviews.csv") -> None:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)


def test_unknown_recipe(refuse):
    refuse(
        ["no recipe 'text_clasification'", "Did you mean 'text_classification'"], "--set", "recipe=text_clasification"
    )


def test_unknown_step(refuse):
    refuse(["no step 'train_brt'", "Did you mean 'train_bert'", "ingest_examples"], "--set", "train_brt.epochs=1")


def test_unknown_parameter(refuse):
    words = ["tokenize_examples has no parameter 'max_lenght'", "Did you mean 'max_length'", "It takes: "]
    refuse(words, "--set", "tokenize_examples.max_lenght=64")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("train_bert.epochs=0", ["train_bert.epochs", "greater than or equal to 1", "Received 0"]),
        ("train_bert.epochs=many", ["train_bert.epochs", "valid integer", "Received 'many'"]),
        ("tokenize_examples.max_length=1000", ["tokenize_examples.max_length", "less than or equal to 512"]),
        ("evaluate_model.thresholds.accuracy=95", ["evaluate_model.thresholds", "less than or equal to 1", "95"]),
        ("evaluate_model.thresholds.acuracy=0.9", ["'acuracy' is no metric", "Did you mean 'accuracy'"]),
        ("ingest_examples.encoding=utf8x", ["no text encoding 'utf8x'", "Common ones: utf-8"]),
        ("ingest_examples.format=xml", ["ingest_examples.format", "'csv'", "Received 'xml'"]),
    ],
)
def test_value_out_of_bounds(refuse, setting, words):
    refuse(words, "--set", setting)


def test_missing_parameter(refuse):
    refuse(["ingest_examples needs 'source'", "--set ingest_examples.source=..."], scenario="train_bert: {preset: x}\n")


def test_missing_preset_is_named_as_the_user_writes_it(refuse):
    refuse(["train_bert needs 'preset'"], scenario=GOOD.replace("train_bert: {preset: tiny_bert}\n", ""))


def test_all_wrong_values_are_named_at_once(refuse):
    words = ["train_bert.epochs", "tokenize_examples.max_length"]
    refuse(words, "--set", "train_bert.epochs=0", "--set", "tokenize_examples.max_length=1")


@pytest.mark.parametrize(
    ("runner", "word"), [("Nope", "does not know"), ("FlinkRuner", "'FlinkRunner'"), ("DaskRunner", "loses")]
)
def test_unknown_beam_runner(refuse, runner, word):
    refuse(["beam.runner", word], "--set", f"beam.runner={runner}")


def test_missing_file(refuse):
    refuse(["'nowhere.csv' does not exist", "Looked for /"], "--set", "ingest_examples.source=nowhere.csv")


def test_missing_package(refuse):
    words = ["Python package 'no_such_package'", "not installed", "pip install no-such-package"]
    refuse(words, "--set", "ingest_examples.source=package://no_such_package/data.csv")


def test_missing_preset(refuse):
    refuse(["train_bert.preset", "'./no_bert' does not exist"], "--set", "train_bert.preset=./no_bert")


def test_unwritable_store(refuse, tmp_path):
    (tmp_path / "file").write_text("")
    refuse(["store", "cannot be written", "--store"], "--store", "file/store")


def test_unwritable_destination(refuse, tmp_path):
    (tmp_path / "file").write_text("")
    refuse(["push_model.destination", "is a file"], "--set", "push_model.destination=file/published")


def test_text_column_absent(refuse):
    refuse(["'body'", "text", "label"], "--set", "ingest_examples.text=body")


def test_label_column_absent_suggests_a_near_one(refuse):
    refuse(["'lable'", "Did you mean 'label'"], "--set", "ingest_examples.label=lable")


def test_folders_with_one_label(refuse):
    for number in range(3):
        Path("texts/only").mkdir(parents=True, exist_ok=True)
        with_source("some text", f"texts/only/{number}.txt")
    refuse(["only", "label", "at least"], "--set", "ingest_examples.source=texts")


@pytest.mark.parametrize(("content", "word"), [("", "empty"), ("text,label\n", "no record")])
def test_empty_file(refuse, content, word):
    with_source(content)
    refuse(["reviews.csv", word])


@pytest.mark.parametrize("content", [CSV.encode("utf-16"), CSV.replace("text number", "caf\xe9").encode("latin-1")])
def test_wrong_encoding(refuse, content):
    with_source(content)
    refuse(["encoding", "reviews.csv"])


def test_from_without_results(refuse):
    refuse(["--from train_bert needs the results before it", "ingest_examples"], "--from", "train_bert")

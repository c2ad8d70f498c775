"""What the command line says about components and scenarios; people and editors read it, so it is pinned."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from components import base
from pipeline.cli import main

GOLDEN = Path(__file__).parent / "golden"


def ask(*arguments):
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_scenario_schema(assert_golden):
    assert_golden(ask("schema"), GOLDEN / "text_classification.schema.json")


def test_scenario_schema_covers_the_scenarios_we_ship():
    from ruamel.yaml import YAML

    properties = json.loads(ask("schema"))["properties"]
    for path in Path(__file__).parents[2].glob("scenarios/*.yaml"):
        for name, values in YAML(typ="safe", pure=True).load(path).items():
            assert name in properties
            if isinstance(values, dict) and name != "beam":
                assert values.keys() <= properties[name]["properties"].keys()


def test_components_are_listed(assert_golden):
    assert_golden(ask("components"), GOLDEN / "components.txt")


@pytest.mark.parametrize("name", base.names())
def test_component_is_described_with_every_parameter(name):
    text = ask("components", name)
    for parameter in base.find(name).spec.parameters.model_fields:
        assert f"    {parameter} " in text


def test_unknown_component_suggests_a_near_one():
    result = CliRunner().invoke(main, ["components", "train_brt"])
    assert result.exit_code == 2 and "Did you mean 'train_bert'?" in result.output


def test_doctor_looks_at_everything_and_names_what_is_wrong(tmp_path):
    (tmp_path / "file").write_text("")
    good = CliRunner().invoke(main, ["doctor", "--store", str(tmp_path / "store")]).output
    for words in ("✓ Python", "✓ libraries     as required", "✓ demo encoder", "memory", "disk", "✓ store"):
        assert words in good
    bad = CliRunner().invoke(main, ["doctor", "--store", str(tmp_path / "file" / "store")])
    assert bad.exit_code == 1 and "✗ store" in bad.output and "cannot be written" in bad.output

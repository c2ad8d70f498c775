import re

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.infer_schema import infer_schema
from components.validate_examples import validate_examples
from schemas.artifacts import Anomalies, Schema, Statistics, Verdict
from schemas.errors import UserError


def write(folder, **splits):
    """Statistics with a label whose values and counts are given per split."""
    proto = statistics_pb2.DatasetFeatureStatisticsList()
    for split, counts in splits.items():
        rows = sum(counts.values())
        feature = proto.datasets.add(name=split, num_examples=rows).features.add(name="label", type=2)
        common = feature.string_stats.common_stats
        common.num_non_missing = common.tot_num_values = rows
        common.min_num_values = common.max_num_values = 1
        for label, count in counts.items():
            feature.string_stats.rank_histogram.buckets.add(label=label, sample_count=count)
    folder.mkdir(exist_ok=True)
    statistics = Statistics(folder)
    statistics.proto_file.write_bytes(proto.SerializeToString())
    return statistics


GOOD = {"train": {"a": 4000, "b": 4000}, "eval": {"a": 510, "b": 490}, "test": {"a": 480, "b": 520}}


@pytest.fixture
def validate(tmp_path):
    """`validate(train={label: rows}, …, parameter=…)`: what comes of a schema inferred from the same statistics."""

    def validate(parameters=None, **splits):
        statistics = write(tmp_path / "statistics", **splits)
        schema = Schema(tmp_path / "schema")
        infer_schema(statistics, schema, **infer_schema.spec.validate({}))
        values = validate_examples.spec.validate(parameters or {})
        validate_examples.spec.check_world(values)
        outputs = Anomalies(tmp_path / "anomalies"), Verdict(tmp_path / "verdict")
        metrics = validate_examples(statistics, schema, *outputs, **values)
        return *outputs, metrics

    return validate


def rules(verdict):
    return {rule.name: (rule.value, rule.bound, rule.passed) for rule in verdict.report().rules}


def test_good_data_pass(validate):
    anomalies, verdict, metrics = validate(**GOOD)
    assert metrics == {"errors": 0, "warnings": 0, "compared": 4, "verdict": "passed"}
    assert rules(verdict) == {"data: errors": (0, 0, True)}
    assert [(d.kind, d.split, d.measure) for d in anomalies.report().distances] == [
        ("skew", "eval", "jensen_shannon"),
        ("skew", "eval", "l_infinity"),
        ("skew", "test", "jensen_shannon"),
        ("skew", "test", "l_infinity"),
    ]
    assert "Fit for training" in anomalies.page.read_text(encoding="utf-8")


def test_a_renamed_class_stops_training(validate):
    anomalies, verdict, metrics = validate(**{**GOOD, "test": {"a": 480, "<B>": 520}})
    assert not verdict.report().passed
    assert rules(verdict)["data: errors"] == (1, 0, False)
    value, bound, passed = rules(verdict)["data: skew of label in test (l_infinity)"]
    assert (round(value, 2), passed) == (0.52, False)
    assert 0.05 < bound < 0.2
    assert metrics["errors"] == 3
    assert str(anomalies.report().anomalies[0]).startswith(
        "error: label in test: COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH: 0.5"
    )
    page = anomalies.page.read_text(encoding="utf-8")
    assert "Not fit for training" in page
    assert "&lt;B&gt;" in page
    assert "<B>" not in page
    assert "<script" not in page
    proto = text_format.Parse(anomalies.proto_file.read_text(encoding="utf-8"), anomalies_pb2.Anomalies())
    types = {anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in proto.anomaly_info["label"].reason}
    assert types == {
        "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
        "COMPARATOR_L_INFTY_HIGH",
        "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH",
    }
    assert proto.baseline.feature[0].name == "label"
    (info,) = proto.drift_skew_info
    assert [round(m.value, 2) for m in info.skew_measurements][-1] == 0.52


def test_twice_is_the_same(validate):
    splits = {**GOOD, "test": {"a": 480, "c": 520}}
    first = [output.content_digest() for output in validate(**splits)[:2]]
    assert [output.content_digest() for output in validate(**splits)[:2]] == first


def test_a_rare_label_of_the_test_split_is_a_warning(validate):
    rare = {**GOOD, "test": {"a": 480, "b": 519, "odd": 1}}
    anomalies, verdict, metrics = validate(**rare)
    assert verdict.report().passed
    assert (metrics["errors"], metrics["warnings"]) == (0, 1)
    assert "chance explains" in anomalies.report().anomalies[0].seen
    _, verdict, _ = validate({"max_warnings": 0}, **rare)
    assert rules(verdict)["data: warnings"] == (1, 0, False)
    _, verdict, _ = validate({"severities": {"ENUM_TYPE_UNEXPECTED_STRING_VALUES": "error"}}, **rare)
    assert rules(verdict)["data: errors"] == (1, 0, False)
    _, verdict, _ = validate({"severities": {"ENUM_TYPE_UNEXPECTED_STRING_VALUES": "error"}, "max_errors": 1}, **rare)
    assert verdict.report().passed


def test_drift_against_a_reference(validate, tmp_path):
    write(tmp_path / "before", train={"a": 2000, "b": 6000}, eval={"a": 250, "b": 750})
    anomalies, verdict, _ = validate({"reference": str(tmp_path / "before")}, **GOOD)
    assert [(a.name, a.split) for a in anomalies.report().anomalies] == [
        ("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "train"),
        ("COMPARATOR_L_INFTY_HIGH", "train"),
        ("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "eval"),
        ("COMPARATOR_L_INFTY_HIGH", "eval"),
        ("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "test"),
        ("COMPARATOR_L_INFTY_HIGH", "test"),
    ]
    assert rules(verdict)["data: errors"] == (0, 0, True)
    assert rules(verdict)["data: drift of label in train (l_infinity)"][0] == 0.25
    assert not verdict.report().passed
    tolerated = {"COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH": "warning", "COMPARATOR_L_INFTY_HIGH": "off"}
    file = str(tmp_path / "before" / "FeatureStats.pb")
    anomalies, verdict, metrics = validate({"reference": file, "severities": tolerated}, **GOOD)
    assert verdict.report().passed
    assert (metrics["errors"], metrics["warnings"]) == (0, 3)


def test_a_curated_schema_replaces_the_inferred_one(validate, tmp_path):
    curated = tmp_path / "tweets.pbtxt"
    curated.write_text('feature {\n  name: "label"\n  type: BYTES\n  string_domain { value: "a" }\n}\n')
    anomalies, _, _ = validate({"schema_file": str(curated)}, **GOOD)
    (anomaly,) = {(a.name, a.edit) for a in anomalies.report().anomalies}
    assert anomaly == (
        "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
        'tweets.pbtxt line 4: after `value: "a"` add `value: "b"`',
    )
    assert anomalies.report().distances == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "schema_file",
            b"feature {\n  nam: 1\n}",
            r'line 2, column 3 is not.*no field named "nam"',
        ),
        ("schema_file", b"\xff\xfe", "cannot be read as text.*UTF-8"),
        ("reference", b"", "not a serialized DatasetFeatureStatisticsList"),
        ("reference", b"\xff\xff\xff\xff", "not a serialized DatasetFeatureStatisticsList"),
    ],
)
def test_files_that_do_not_parse_are_refused_in_the_first_second(tmp_path, name, content, says):
    file = tmp_path / "file"
    file.write_bytes(content)
    values = validate_examples.spec.validate({name: str(file)})
    with pytest.raises(UserError, match=re.compile(rf"validate_examples\.{name}.*({says})", re.DOTALL)):
        validate_examples.spec.check_world(values)


def test_names_that_are_none_are_refused_in_the_first_second(tmp_path):
    def check(**values):
        validate_examples.spec.check_world(validate_examples.spec.validate(values))

    with pytest.raises(UserError, match=r"schema_file: '.*nowhere' does not exist"):
        check(schema_file=str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"reference: the folder .* has no FeatureStats\.pb"):
        check(reference=str(tmp_path))
    with pytest.raises(UserError, match=r"'SCHEMA_NEW_COLUM' is no anomaly\. Did you mean 'SCHEMA_NEW_COLUMN'"):
        check(severities={"SCHEMA_NEW_COLUM": "error"})
    with pytest.raises(UserError, match=r"severities.*'error', 'warning' or 'off'"):
        check(severities={"SCHEMA_NEW_COLUMN": "loud"})


def test_neither_beam_nor_tensorflow_is_loaded(tmp_path):
    import subprocess
    import sys

    write(tmp_path / "statistics", **GOOD)
    code = (
        "import sys; from pathlib import Path; from schemas.artifacts import *;"
        "from components.infer_schema import infer_schema; from components.validate_examples import validate_examples;"
        "root = Path(sys.argv[1]); s = Statistics(root / 'statistics');"
        "infer_schema(s, Schema(root / 'schema'));"
        "print(validate_examples(s, Schema(root / 'schema'), Anomalies(root / 'a'), Verdict(root / 'v'))['verdict'],"
        "[name for name in ('tensorflow', 'apache_beam', 'pandas', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "passed []\n"

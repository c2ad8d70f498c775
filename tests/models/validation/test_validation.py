"""Each anomaly made to happen on protos of a few lines, and made to vanish by the edit it proposes."""

import re
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from models.validation.lines import SchemaText
from models.validation.schema import check_schema
from models.validation.validating import anomaly_names, validate
from models.validation.view import views
from schemas.errors import UserError

Stats = statistics_pb2.FeatureNameStatistics
HISTOGRAM = statistics_pb2.Histogram


def common(stats, rows, present, values):
    stats.num_non_missing = present
    stats.num_missing = rows - present
    stats.min_num_values, stats.max_num_values = values
    stats.avg_num_values = 1
    stats.tot_num_values = present


def strings(name, counts, *, rows=None, values=(1, 1), kind=Stats.STRING, **more):
    """A string feature; rows are the sum of the counts if not said otherwise."""
    present = int(sum(counts.values()))
    stats = Stats(name=name, type=kind)
    common(stats.string_stats.common_stats, rows or present, present, values)
    stats.string_stats.unique = len(counts)
    for label, count in sorted(counts.items(), key=lambda item: -item[1]):
        stats.string_stats.rank_histogram.buckets.add(label=label, sample_count=count)
    for field, value in more.items():
        setattr(stats.string_stats, field, value)
    return stats


def numbers(name, low, high, *, rows=100, present=None, kind=Stats.FLOAT, nans=0, values=(1, 1), **more):
    """A numeric feature with evenly spread quantiles."""
    present = rows if present is None else present
    stats = Stats(name=name, type=kind)
    common(stats.num_stats.common_stats, rows, present, values)
    stats.num_stats.min, stats.num_stats.max, stats.num_stats.median = low, high, (low + high) / 2
    histogram = stats.num_stats.histograms.add(type=HISTOGRAM.QUANTILES, num_nan=nans)
    for i in range(100):
        width = (high - low) / 100
        histogram.buckets.add(low_value=low + i * width, high_value=low + (i + 1) * width, sample_count=present / 100)
    for field, value in more.items():
        setattr(stats.num_stats, field, value)
    return stats


def splits(rows=100, **features):
    """`splits(train=[…], test=[…])`: views on statistics of so many rows in every split."""
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    for name, found in features.items():
        statistics.datasets.add(name=name, num_examples=rows, features=found)
    return views(statistics)


def found(data, schema, reference=None, levels=None):
    return validate(data, SchemaText("schema.pbtxt", schema, wanted_by="test"), reference, levels).anomalies


def apply(edit, text):
    """What a person does who follows the edit to the letter."""
    lines = text.splitlines()
    for one in reversed(edit.split("; schema.pbtxt")):
        one = "schema.pbtxt" + one.removeprefix("schema.pbtxt")
        if match := re.fullmatch(r"schema\.pbtxt: at its end add `(.*)`", one):
            lines.append(match[1])
        elif match := re.fullmatch(r"schema\.pbtxt line (\d+): replace `(.*)` with `(.*)`", one):
            lines[int(match[1]) - 1] = replaced(lines[int(match[1]) - 1], match[2], match[3])
        elif match := re.fullmatch(r"schema\.pbtxt line (\d+): after `(.*)` add `(.*)`", one):
            lines[int(match[1]) - 1] = replaced(lines[int(match[1]) - 1], match[2], f"{match[2]} {match[3]}")
        elif match := re.fullmatch(r"schema\.pbtxt line (\d+): delete `(.*)`", one):
            lines[int(match[1]) - 1] = replaced(lines[int(match[1]) - 1], match[2], "")
        elif match := re.fullmatch(r"schema\.pbtxt lines (\d+) to (\d+): delete `(.*) \.\.\. }`", one):
            first, last = int(match[1]) - 1, int(match[2])
            assert match[3] in lines[first]
            assert lines[last - 1].strip() == "}"
            lines[first:last] = [""] * (last - first)
        else:
            raise AssertionError(f"not an edit: {one}")
    return "\n".join(lines)


def replaced(line, old, new):
    assert line.count(old) == 1, (line, old)
    return line.replace(old, new)


def label(constraint='string_domain { value: "good" value: "bad" }'):
    return f"""
feature {{
  name: "label"
  type: BYTES
  {constraint}
}}
"""


def feature(body, kind="FLOAT", name="numeric/x"):
    return f'feature {{\n  name: "{name}"\n  type: {kind}\n  {body}\n}}\n'


GOOD = strings("label", {"good": 60, "bad": 40})
NUMBER = numbers("numeric/x", 0, 10)
HALF = numbers("numeric/x", 0, 10, present=50)
INTEGER = numbers("numeric/x", 0, 10, kind=Stats.INT)
YES = strings("categorical/paid", {"yes": 50, "no": 50})
NUMERALS = strings("categorical/year", {"2001": 60, "new": 40})
STRING = feature("", "BYTES", "categorical/paid")


CASES = {
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": (
        [strings("label", {"good": 60, "bad": 30, "fair": 10})],
        label(),
        "'fair' in 10 of 100 values",
        "one of 'bad', 'good'",
        'schema.pbtxt line 5: after `value: "bad"` add `value: "fair"`',
    ),
    "ENUM_TYPE_FLOAT_NOT_STRING": (
        [numbers("label", 0, 1)],
        label(),
        "values of type FLOAT",
        "STRING or BYTES",
        "schema.pbtxt line 4: replace `type: BYTES` with `type: FLOAT`; schema.pbtxt line 5: delete `string_domain "
        '{ value: "good" value: "bad" }`',
    ),
    "ENUM_TYPE_INT_NOT_STRING": ([numbers("label", 0, 1, kind=Stats.INT)], label(), "type INT", "STRING", "INT"),
    "ENUM_TYPE_BYTES_NOT_STRING": (
        [strings("label", {"good": 100}, kind=Stats.BYTES)],
        label(),
        "type BYTES",
        "STRING",
        "delete `string_domain",
    ),
    "ENUM_TYPE_INVALID_UTF8": (
        [strings("label", {"good": 100}, invalid_utf8_count=3)],
        label(),
        "3 values that are not UTF-8",
        "UTF-8",
        "delete `string_domain",
    ),
    "STRING_TYPE_NOW_FLOAT": (
        [numbers("categorical/paid", 0, 1)],
        STRING,
        "values of type FLOAT",
        "STRING",
        "schema.pbtxt line 3: replace `type: BYTES` with `type: FLOAT`",
    ),
    "STRING_TYPE_NOW_INT": (
        [numbers("categorical/paid", 0, 1, kind=Stats.INT)],
        STRING,
        "values of type INT",
        "STRING",
        "schema.pbtxt line 3: replace `type: BYTES` with `type: INT`",
    ),
    "FLOAT_TYPE_NOT_FLOAT": (
        [strings("numeric/x", {"1": 100})],
        feature(""),
        "values of type STRING",
        "FLOAT",
        "schema.pbtxt line 3: replace `type: FLOAT` with `type: BYTES`",
    ),
    "INT_TYPE_INT_EXPECTED": (
        [NUMBER],
        feature("int_domain { min: 0 }", "INT"),
        "values of type FLOAT",
        "INT",
        "schema.pbtxt line 3: replace `type: INT` with `type: FLOAT`; "
        "schema.pbtxt line 4: delete `int_domain { min: 0 }`",
    ),
    "UNEXPECTED_DATA_TYPE": (
        [NUMBER],
        feature("", "STRUCT"),
        "values of type FLOAT",
        "STRUCT",
        "schema.pbtxt line 3: replace `type: STRUCT` with `type: FLOAT`",
    ),
    "FEATURE_TYPE_NOT_PRESENT": (
        [numbers("numeric/x", 0, 0, present=0)],
        feature("presence {\n    min_fraction: 1\n  }"),
        "in none of 100 rows",
        "in at least 100.00%",
        "schema.pbtxt lines 4 to 6: delete `presence { ... }`",
    ),
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": (
        [HALF],
        feature("presence {\n    min_fraction: 1.0\n  }"),
        "in 50.00% of 100 rows",
        "in at least 100.00%",
        "schema.pbtxt line 5: replace `min_fraction: 1.0` with `min_fraction: 0.5`",
    ),
    "FEATURE_TYPE_LOW_NUMBER_PRESENT": (
        [HALF],
        feature("presence { min_count: 60 }"),
        "in 50 rows",
        "in at least 60",
        "schema.pbtxt line 4: replace `min_count: 60` with `min_count: 50`",
    ),
    "FEATURE_TYPE_LOW_NUMBER_VALUES": (
        [strings("label", {"good": 100}, values=(1, 4))],
        label("value_count { min: 2 }"),
        "a row with 1 values",
        "at least 2",
        "schema.pbtxt line 5: replace `min: 2` with `min: 1`",
    ),
    "FEATURE_TYPE_HIGH_NUMBER_VALUES": (
        [strings("label", {"good": 100}, values=(1, 4))],
        label("value_count { min: 1 max: 3 }"),
        "a row with 4 values",
        "at most 3",
        "schema.pbtxt line 5: replace `max: 3` with `max: 4`",
    ),
    "FEATURE_TYPE_UNEXPECTED_REPEATED": (
        [strings("label", {"good": 100}, values=(1, 4))],
        label("value_count { min: 1 max: 1 }"),
        "a row with 4 values",
        "one value in a row",
        "schema.pbtxt line 5: replace `max: 1` with `max: 4`",
    ),
    "FEATURE_TYPE_NO_VALUES": (
        [strings("label", {"good": 100}, values=(0, 0))],
        label("value_count { min: 1 }"),
        "nothing but empty lists",
        "at least 1 value in a row",
        "schema.pbtxt line 5: replace `min: 1` with `min: 0`",
    ),
    "INVALID_FEATURE_SHAPE": (
        [strings("label", {"good": 100}, values=(1, 4))],
        label("shape { dim { size: 2 } }"),
        "1 to 4 values in a row",
        "2 in every row",
        "schema.pbtxt line 5: delete `shape { dim { size: 2 } }`",
    ),
    "FEATURE_TYPE_LOW_UNIQUE": (
        [GOOD],
        label("unique_constraints { min: 3 }"),
        "2 different values",
        "at least 3",
        "schema.pbtxt line 5: replace `min: 3` with `min: 2`",
    ),
    "FEATURE_TYPE_HIGH_UNIQUE": (
        [GOOD],
        label("unique_constraints { max: 1 }"),
        "2 different values",
        "at most 1",
        "schema.pbtxt line 5: replace `max: 1` with `max: 2`",
    ),
    "FEATURE_TYPE_NO_UNIQUE": (
        [NUMBER],
        feature("unique_constraints { min: 3 }"),
        "values of type FLOAT",
        "strings",
        "schema.pbtxt line 4: delete `unique_constraints { min: 3 }`",
    ),
    "FLOAT_TYPE_SMALL_FLOAT": (
        [numbers("numeric/x", -0.1, 1)],
        feature("float_domain {\n    min: 0\n  }"),
        "-0.1",
        "at least 0",
        "schema.pbtxt line 5: replace `min: 0` with `min: -0.1`",
    ),
    "FLOAT_TYPE_BIG_FLOAT": (
        [NUMBER],
        feature("float_domain { min: 0 max: 1 }"),
        "10",
        "at most 1",
        "schema.pbtxt line 4: replace `max: 1` with `max: 10.0`",
    ),
    "FLOAT_TYPE_HAS_NAN": (
        [numbers("numeric/x", 0, 1, nans=7)],
        feature("float_domain { disallow_nan: true }"),
        "7 values that are not a number",
        "none",
        "schema.pbtxt line 4: replace `disallow_nan: true` with `disallow_nan: false`",
    ),
    "FLOAT_TYPE_HAS_INF": (
        [numbers("numeric/x", 0, 1, max=float("inf"))],
        feature("float_domain { disallow_inf: true }"),
        "infinite values",
        "finite ones",
        "schema.pbtxt line 4: replace `disallow_inf: true` with `disallow_inf: false`",
    ),
    "FLOAT_TYPE_STRING_NOT_FLOAT": (
        [NUMERALS],
        feature("float_domain { min: 0 }", "BYTES", "categorical/year"),
        "'new'",
        "numbers written as strings",
        "schema.pbtxt line 4: delete `float_domain { min: 0 }`",
    ),
    "INT_TYPE_SMALL_INT": (
        [INTEGER],
        feature("int_domain { min: 1 }", "INT"),
        "0",
        "at least 1",
        "schema.pbtxt line 4: replace `min: 1` with `min: 0`",
    ),
    "INT_TYPE_BIG_INT": (
        [INTEGER],
        feature("int_domain { max: 9 }", "INT"),
        "10",
        "at most 9",
        "schema.pbtxt line 4: replace `max: 9` with `max: 10`",
    ),
    "INT_TYPE_NOT_INT_STRING": (
        [NUMERALS],
        feature("int_domain { min: 0 }", "BYTES", "categorical/year"),
        "'new'",
        "whole numbers written as strings",
        "schema.pbtxt line 4: delete `int_domain { min: 0 }`",
    ),
    "BOOL_TYPE_BIG_INT": ([INTEGER], feature("bool_domain { }", "INT"), "10", "0 or 1", "delete `bool_domain { }`"),
    "BOOL_TYPE_SMALL_INT": (
        [numbers("numeric/x", -1, 1, kind=Stats.INT)],
        feature("bool_domain { }", "INT"),
        "-1",
        "0 or 1",
        "schema.pbtxt line 4: delete `bool_domain { }`",
    ),
    "BOOL_TYPE_UNEXPECTED_FLOAT": (
        [numbers("numeric/x", 0, 1, mean=0.5, std_dev=0.3)],
        feature("bool_domain { }"),
        "0 to 1",
        "0 or 1",
        "schema.pbtxt line 4: delete `bool_domain { }`",
    ),
    "BOOL_TYPE_UNEXPECTED_STRING": (
        [YES],
        feature('bool_domain { true_value: "yes" false_value: "never" }', "BYTES", "categorical/paid"),
        "'no'",
        "'yes', 'never'",
        "schema.pbtxt line 4: delete `bool_domain {",
    ),
    "BOOL_TYPE_INVALID_CONFIG": (
        [YES],
        feature('bool_domain { true_value: "yes" }', "BYTES", "categorical/paid"),
        "bool_domain of strings",
        "two different values",
        "schema.pbtxt line 4: delete `bool_domain {",
    ),
    "SCHEMA_MISSING_COLUMN": (
        [NUMBER],
        feature("") + feature("presence { min_fraction: 1 }", name="numeric/y"),
        "no such column",
        "a column of this name",
        "schema.pbtxt line 9: delete `presence { min_fraction: 1 }`",
    ),
    "SCHEMA_NEW_COLUMN": (
        [NUMBER, YES],
        feature(""),
        "a column of type STRING",
        "no such column",
        'schema.pbtxt: at its end add `feature { name: "categorical/paid" type: BYTES }`',
    ),
    "DATASET_LOW_NUM_EXAMPLES": (
        [NUMBER],
        feature("") + "dataset_constraints {\n  min_examples_count: 101\n}",
        "100 rows",
        "at least 101",
        "schema.pbtxt line 7: replace `min_examples_count: 101` with `min_examples_count: 100`",
    ),
    "DATASET_HIGH_NUM_EXAMPLES": (
        [NUMBER],
        feature("") + "dataset_constraints { max_examples_count: 99 }",
        "100 rows",
        "at most 99",
        "schema.pbtxt line 6: replace `max_examples_count: 99` with `max_examples_count: 100`",
    ),
    "DOMAIN_INVALID_FOR_TYPE": (
        [NUMBER],
        feature("int_domain { min: 0 }"),
        "int_domain on type FLOAT",
        "INT or BYTES",
        "schema.pbtxt line 4: delete `int_domain { min: 0 }`",
    ),
    "INVALID_DOMAIN_SPECIFICATION": (
        [numbers("numeric/x", 5, 5)],
        feature("float_domain { min: 5 max: 3 }"),
        "float_domain from 5 to 3",
        "min at most max",
        "schema.pbtxt line 4: replace `max: 3` with `max: 5`",
    ),
    "INVALID_SCHEMA_SPECIFICATION": (
        [NUMBER],
        feature("presence { min_fraction: 1.5 }"),
        "presence.min_fraction 1.5",
        "a share from 0 to 1",
        "schema.pbtxt line 4: replace `min_fraction: 1.5` with `min_fraction: 1`",
    ),
    "FEATURE_MISSING_NAME": ([], "feature {\n  type: INT\n}", "without a name", "a name", 'add `name: "..."`'),
    "FEATURE_MISSING_TYPE": (
        [YES],
        'feature {\n  name: "categorical/paid"\n}',
        "a feature without a type",
        "BYTES, INT or FLOAT",
        'schema.pbtxt line 2: after `name: "categorical/paid"` add `type: BYTES`',
    ),
    "STATS_NOT_AVAILABLE": (
        [YES],
        feature("image_domain { }", "BYTES", "categorical/paid"),
        "image_domain, which is not checked here",
        "only what is",
        "schema.pbtxt line 4: delete `image_domain { }`",
    ),
}


def test_the_documentation_lists_every_anomaly():
    root = Path(__file__).parents[3]
    code = "".join(path.read_text() for path in (root / "models" / "validation").glob("*.py"))
    names = {name for name in anomaly_names() if f'"{name}"' in code}
    assert len(names) >= 50
    listed = (root / "docs" / "validation.md").read_text()
    assert sorted(name for name in names if f"`{name}`" not in listed) == []


@pytest.mark.parametrize("name", CASES)
def test_each_anomaly_says_what_where_and_how_to_allow_it(name):
    features, schema, seen, expected, edit = CASES[name]
    anomalies = found(splits(train=features), schema)
    (anomaly,) = [anomaly for anomaly in anomalies if anomaly.name == name]
    assert name in anomaly_names()
    assert seen in anomaly.seen
    assert expected in anomaly.expected
    assert edit in anomaly.edit
    assert name not in {other.name for other in found(splits(train=features), apply(anomaly.edit, schema))}


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"FEATURE_MISSING_NAME"}))
def test_one_fault_gives_one_anomaly(name):
    # Not for a missing name: which name it should be only the user knows.
    features, schema, *_ = CASES[name]
    (anomaly,) = found(splits(train=features), schema)
    assert found(splits(train=features), apply(anomaly.edit, schema)) == []


TEXT = feature(
    """natural_language_domain {
    coverage {
      min_coverage: 0.9
      min_avg_token_length: 3.5
    }
    sequence_length_constraints { min_sequence_length: 2 max_sequence_length: 64 }
  }""",
    "BYTES",
    "text",
)
TEXTS = [
    strings("text", {}, rows=100),
    strings("text/token", {"the": 80, "[UNK]": 20}, avg_length=3.2),
    numbers("text/tokens", 1, 80, kind=Stats.INT),
    numbers("text/unknown_share", 0, 1, mean=0.25),
]
TEXTS[0].string_stats.common_stats.num_non_missing = 100
TEXTS[3].custom_stats.add(name="unknown_tokens", num=20)
DERIVED = (
    feature("", "BYTES", "text/token") + feature("", "INT", "text/tokens") + feature("", name="text/unknown_share")
)


@pytest.mark.parametrize(
    ("name", "seen", "expected", "edit"),
    [
        (
            "FEATURE_COVERAGE_TOO_LOW",
            "80.00% of the tokens are in the vocabulary",
            "at least 90.00%",
            "schema.pbtxt line 6: replace `min_coverage: 0.9` with `min_coverage: 0.8`",
        ),
        (
            "FEATURE_COVERAGE_TOO_SHORT_AVG_TOKEN_LENGTH",
            "3.20 characters in a token on average",
            "at least 3.50",
            "schema.pbtxt line 7: replace `min_avg_token_length: 3.5` with `min_avg_token_length: 3.2`",
        ),
        (
            "FEATURE_TYPE_LOW_NUMBER_VALUES",
            "a text of 1 tokens",
            "at least 2",
            "schema.pbtxt line 9: replace `min_sequence_length: 2` with `min_sequence_length: 1`",
        ),
        (
            "FEATURE_TYPE_HIGH_NUMBER_VALUES",
            "a text of 80 tokens",
            "at most 64",
            "schema.pbtxt line 9: replace `max_sequence_length: 64` with `max_sequence_length: 80`",
        ),
    ],
)
def test_natural_language(name, seen, expected, edit):
    anomalies = found(splits(train=TEXTS), TEXT + DERIVED)
    assert len(anomalies) == 4
    (anomaly,) = [anomaly for anomaly in anomalies if anomaly.name == name]
    assert (anomaly.feature, anomaly.seen, anomaly.expected, anomaly.edit) == ("text", seen, expected, edit)
    assert len(found(splits(train=TEXTS), apply(edit, TEXT + DERIVED))) == 3


def test_coverage_is_that_of_the_mean_text_where_unknown_tokens_are_not_counted():
    share = numbers("text/unknown_share", 0, 1, mean=0.25)
    anomalies = found(splits(train=[*TEXTS[:3], share]), TEXT + DERIVED)
    assert {a.seen for a in anomalies if a.name == "FEATURE_COVERAGE_TOO_LOW"} == {
        "75.00% of the tokens are in the vocabulary"
    }


def test_statements_that_the_statistics_cannot_answer_are_named():
    anomalies = found(splits(train=TEXTS[:1]), TEXT)
    assert [(a.name, a.severity) for a in anomalies] == [("STATS_NOT_AVAILABLE", "warning")] * 3
    constraint = 'natural_language_domain { token_constraints { string_value: "the" min_per_sequence: 1 } }'
    (anomaly,) = found(splits(train=TEXTS[:1]), feature(constraint, "BYTES", "text"))
    assert anomaly.seen == "statistics without how often single tokens occur in a text"


COMPARED = label("drift_comparator {\n    jensen_shannon_divergence { threshold: 0.01 }\n  }")
SKEWED = COMPARED.replace("drift", "skew")


def test_drift_of_a_label():
    data = splits(train=[strings("label", {"good": 3000, "bad": 7000})], rows=10_000)
    before = splits(train=[strings("label", {"good": 6000, "bad": 4000})], rows=10_000)
    (anomaly,) = found(data, COMPARED, before)
    assert (anomaly.name, anomaly.severity) == ("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", "error")
    assert anomaly.seen == "0.0667 from the reference (most of all 'bad': 40.00% there, 70.00% here)"
    assert anomaly.expected == "at most 0.01 and 0.0005 for chance"
    assert anomaly.edit == "schema.pbtxt line 6: replace `threshold: 0.01` with `threshold: 0.0662`"
    assert found(data, apply(anomaly.edit, COMPARED), before) == []
    assert found(data, COMPARED, data) == []


def test_skew_of_a_label_in_shares():
    schema = SKEWED.replace("jensen_shannon_divergence", "infinity_norm")
    data = splits(
        train=[strings("label", {"good": 5000, "bad": 5000})],
        test=[strings("label", {"good": 6000, "bad": 4000})],
        rows=10_000,
    )
    (anomaly,) = found(data, schema)
    assert (anomaly.name, anomaly.split) == ("COMPARATOR_L_INFTY_HIGH", "test")
    assert anomaly.seen.startswith("0.1000 from the train split")
    assert anomaly.expected == "at most 0.01 and 0.0285 for chance"
    assert found(data, apply(anomaly.edit, schema)) == []


def test_small_samples_may_differ_by_chance():
    data = splits(
        train=[strings("label", {"good": 500, "bad": 500})], test=[strings("label", {"good": 60, "bad": 40})], rows=1000
    )
    report = validate(data, SchemaText("schema.pbtxt", SKEWED, wanted_by="test"))
    assert report.anomalies == []
    (distance,) = report.distances
    assert distance.value > 0.005
    assert distance.allowance > 0.03


def test_drift_of_numbers():
    schema = feature("drift_comparator { jensen_shannon_divergence { threshold: 0.02 } }")
    data = splits(train=[numbers("numeric/x", 0, 20, rows=1000)], rows=1000)
    (anomaly,) = found(data, schema, splits(train=[numbers("numeric/x", 0, 10, rows=1000)], rows=1000))
    # Of uniform distributions on 10 and on 20: (log2(4/3) + (log2(2/3) + 1) / 2) / 2 is 0.3113 bits.
    assert 0.28 < float(anomaly.seen.split()[0]) <= 0.3113
    assert "(median 5 there, 10 here)" in anomaly.seen


@pytest.mark.parametrize(
    ("name", "now", "before"),
    [
        ("COMPARATOR_CONTROL_DATA_MISSING", [GOOD], [NUMBER]),
        ("COMPARATOR_TREATMENT_DATA_MISSING", [NUMBER], [GOOD]),
    ],
)
def test_nothing_to_compare_with(name, now, before):
    schema = COMPARED + feature("")
    (anomaly,) = found(splits(train=now), schema, splits(train=before))
    assert (anomaly.name, anomaly.severity, anomaly.feature) == (name, "warning", "label")
    assert anomaly.expected == "data to compare with the reference"
    assert found(splits(train=now), apply(anomaly.edit, schema), splits(train=before)) == []


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("COMPARATOR_LOW_NUM_EXAMPLES", 300, "at least 0.5 times as many"),
        ("COMPARATOR_HIGH_NUM_EXAMPLES", 30, "at most 2 times as many"),
    ],
)
def test_as_many_rows_as_before(name, rows, expected):
    schema = feature("") + (
        "dataset_constraints {\n  num_examples_drift_comparator {\n"
        "    min_fraction_threshold: 0.5\n    max_fraction_threshold: 2\n  }\n}\n"
    )
    before = splits(train=[NUMBER], rows=rows)
    (anomaly,) = found(splits(train=[NUMBER]), schema, before)
    assert (anomaly.name, anomaly.expected, anomaly.feature) == (name, expected, "")
    assert anomaly.seen == f"100 rows where the reference has {rows}"
    assert found(splits(train=[NUMBER]), apply(anomaly.edit, schema), before) == []


def test_a_split_without_rows():
    data = splits(train=[NUMBER]) | splits(test=[], rows=0)
    (anomaly,) = found(data, feature("presence { min_fraction: 1 }"))
    assert (anomaly.name, anomaly.split, anomaly.severity) == ("NO_DATA_IN_SPAN", "test", "warning")
    assert found(splits(train=[], rows=0), feature(""))[0].severity == "error"


def counted(train, test):
    return splits(train=[strings("label", train)], rows=sum(train.values())) | splits(
        test=[strings("label", test)], rows=sum(test.values())
    )


def test_labels_only_outside_of_train_are_errors_unless_chance_explains_them():
    rare = counted({"good": 800, "bad": 100}, {"good": 98, "odd": 2})
    (anomaly,) = found(rare, label())
    assert (anomaly.severity, anomaly.split) == ("warning", "test")
    assert anomaly.seen == "'odd' in 2 of 100 values, which chance explains"
    renamed = counted({"good": 800, "bad": 100}, {"good": 70, "awful": 30})
    (anomaly,) = found(renamed, label())
    assert (anomaly.severity, anomaly.seen) == ("error", "'awful' in 30 of 100 values")
    in_train = counted({"good": 899, "odd": 1}, {"good": 100})
    (anomaly,) = found(in_train, label())
    assert (anomaly.severity, anomaly.split) == ("error", "train")


def test_labels_that_the_schema_knows_but_train_lacks():
    data = counted({"good": 900}, {"good": 50, "bad": 50})
    (anomaly,) = found(data, label())
    assert (anomaly.name, anomaly.split, anomaly.severity) == ("SCHEMA_TRAINING_SERVING_SKEW", "test", "error")
    assert anomaly.seen == "'bad' in 50 rows"
    assert "give train rows of these labels" in anomaly.edit


def test_a_class_that_vanishes():
    schema = label('string_domain { value: "good" value: "bad" }\n  unique_constraints { min: 2 }')
    (anomaly,) = found(counted({"good": 500, "bad": 500}, {"good": 100}), schema)
    assert (anomaly.name, anomaly.severity) == ("FEATURE_TYPE_LOW_UNIQUE", "error")
    assert anomaly.seen == "1 different values; it lacks 'bad'"
    (anomaly,) = found(counted({"good": 990, "bad": 10}, {"good": 100}), schema)
    assert (anomaly.severity, anomaly.seen) == ("warning", "1 different values; it lacks 'bad', which chance explains")


def test_a_share_that_is_low_by_chance_is_a_warning():
    schema = feature("presence { min_fraction: 0.6 }")
    (anomaly,) = found(splits(train=[numbers("numeric/x", 0, 1, rows=20, present=9)], rows=20), schema)
    assert (anomaly.severity, anomaly.seen) == ("warning", "in 45.00% of 20 rows, which chance explains")
    (anomaly,) = found(splits(train=[numbers("numeric/x", 0, 1, rows=2000, present=900)], rows=2000), schema)
    assert (anomaly.severity, anomaly.seen) == ("error", "in 45.00% of 2,000 rows")


def test_part_of_the_values_may_lie_outside():
    schema = label('string_domain { value: "good" }\n  distribution_constraints { min_domain_mass: 0.95 }')
    assert found(splits(train=[strings("label", {"good": 96, "x": 4})]), schema) == []
    (anomaly,) = found(splits(train=[strings("label", {"good": 7000, "x": 3000})], rows=10_000), schema)
    assert anomaly.expected == "one of 'good' in at least 95.00%"


def test_many_unexpected_values_lower_the_bar():
    counts = {"good": 80, **{f"w{i}": 1 for i in range(20)}}
    (anomaly,) = found(splits(train=[strings("label", counts)]), label())
    assert anomaly.seen == "'w0', 'w1', 'w10', 'w11', 'w12' and 15 more in 20 of 100 values"
    assert "min_domain_mass: 0.8" in anomaly.edit
    (anomaly,) = found(splits(train=[strings("label", counts)]), apply(anomaly.edit, label())) or [None]
    assert anomaly is None


def test_domains_may_stand_apart():
    shared = label('domain: "moods"') + 'string_domain {\n  name: "moods"\n  value: "good"\n}\n'
    (anomaly,) = found(splits(train=[GOOD]), shared)
    assert anomaly.edit == 'schema.pbtxt line 9: after `value: "good"` add `value: "bad"`'
    assert found(splits(train=[GOOD]), apply(anomaly.edit, shared)) == []
    (anomaly,) = found(splits(train=[GOOD]), label('domain: "mood"'))
    assert anomaly.name == "INVALID_DOMAIN_SPECIFICATION"


def test_environments_are_splits():
    missing = splits(train=[NUMBER], test=[YES])
    schema = feature("presence { min_fraction: 1 }") + STRING
    assert [(a.name, a.split) for a in found(missing, schema)] == [("SCHEMA_MISSING_COLUMN", "test")]
    excused = schema.replace("presence", 'not_in_environment: "test" presence')
    assert found(missing, excused) == []
    assert found(missing, 'default_environment: "train"\n' + schema) == []
    wanted = schema.replace("presence", 'in_environment: "test" presence')
    assert len(found(missing, 'default_environment: "train"\n' + wanted)) == 1


def test_features_that_do_not_count():
    for state in ("deprecated: true", "lifecycle_stage: PLANNED"):
        assert found(splits(train=[NUMBER]), feature(f"{state} float_domain {{ max: 1 }}")) == []


def test_infinite_values_that_are_counted_apart():
    apart = numbers("numeric/x", 0, 1)
    apart.custom_stats.add(name="infinite", num=2)
    (anomaly,) = found(splits(train=[apart]), feature("float_domain { disallow_inf: true }"))
    assert anomaly.name == "FLOAT_TYPE_HAS_INF"


def test_severities_may_be_changed():
    data = splits(train=[NUMBER, YES])
    (anomaly,) = found(data, feature(""), levels={"SCHEMA_NEW_COLUMN": "error"})
    assert anomaly.severity == "error"
    assert found(data, feature(""), levels={"SCHEMA_NEW_COLUMN": "off"}) == []


def test_errors_come_first_then_the_order_of_the_splits():
    data = splits(train=[NUMBER, YES], test=[NUMBER, YES])
    anomalies = found(data, feature("float_domain { max: 1 }"))
    assert [(a.severity, a.split) for a in anomalies] == [
        ("error", "train"),
        ("error", "test"),
        ("warning", "train"),
        ("warning", "test"),
    ]


def test_several_edits_fit_the_file_as_people_write_it():
    schema = """# ours
feature { name: "label" type: BYTES string_domain: < value: ['go"od', "fine"] > }  # { not a brace
feature {
  name: "numeric" "/x"   # in two pieces
  type: FLOAT;
  float_domain { min: 1, max: 5 }
}
"""
    data = splits(train=[strings("label", {'go"od': 50, 'b"ad\n': 50}), NUMBER])
    anomalies = found(data, schema)
    assert [anomaly.edit for anomaly in anomalies] == [
        """schema.pbtxt line 2: after `value: ['go"od', "fine"]` add `value: "b\\"ad\\n"`""",
        "schema.pbtxt line 6: replace `max: 5` with `max: 10.0`",
        "schema.pbtxt line 6: replace `min: 1` with `min: 0.0`",
    ]
    for anomaly in anomalies:
        schema = apply(anomaly.edit, schema)
    assert found(data, schema) == []


def test_a_schema_that_does_not_parse_is_refused_with_its_line():
    with pytest.raises(UserError, match=r'schema\.pbtxt line 3, column 3 is not the text form.*no field named "typ"'):
        SchemaText("schema.pbtxt", 'feature {\n  name: "a"\n  typ: INT\n}', wanted_by="validate_examples.schema_file")


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[3] / "schemas" / "data").glob("*.pbtxt")), ids=lambda path: path.stem
)
def test_curated_schemas_make_sense(path):
    file = SchemaText(path.name, path.read_text(encoding="utf-8"), wanted_by="test")
    assert list(check_schema(file)) == []
    assert "label" in {feature.name for feature in file.proto.feature}

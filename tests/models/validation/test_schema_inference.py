"""What is inferred from a train split, and that it holds for that split."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from models.validation.lines import SchemaText
from models.validation.schema_inference import Thresholds, infer, to_text
from models.validation.validating import validate
from models.validation.view import SplitView, views

Stats = statistics_pb2.FeatureNameStatistics


def strings(name, counts, rows, *, least=1, most=1, listed=True):
    stats = Stats(name=name, type=Stats.STRING)
    total = sum(counts.values())
    stats.string_stats.common_stats.num_non_missing = min(rows, total)
    stats.string_stats.common_stats.min_num_values = least
    stats.string_stats.common_stats.max_num_values = most
    stats.string_stats.common_stats.tot_num_values = total
    stats.string_stats.unique = len(counts)
    if listed:
        for value, count in counts.items():
            stats.string_stats.rank_histogram.buckets.add(label=value, sample_count=count)
    return stats


def numbers(name, values, rows, kind=Stats.FLOAT):
    values = sorted(values)
    stats = Stats(name=name, type=kind)
    stats.num_stats.common_stats.num_non_missing = len(values)
    stats.num_stats.common_stats.num_missing = rows - len(values)
    stats.num_stats.common_stats.min_num_values = stats.num_stats.common_stats.max_num_values = 1
    stats.num_stats.common_stats.tot_num_values = len(values)
    if values:
        stats.num_stats.min, stats.num_stats.max = values[0], values[-1]
        histogram = stats.num_stats.histograms.add(type=statistics_pb2.Histogram.QUANTILES)
        for low, high in zip(values, values[1:] or values, strict=False):
            histogram.buckets.add(low_value=low, high_value=high, sample_count=1)
    return stats


def train(features, rows) -> SplitView:
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.datasets.add(name="train", num_examples=rows, features=features)
    return views(statistics)["train"]


def inferred(*features, rows=4, **more) -> dict[str, schema_pb2.Feature]:
    return {feature.name: feature for feature in infer(train(features, rows), **more).feature}


TEXT = [
    strings("text", {"a": 1, "b": 3}, 4, listed=False),
    strings("text_raw", {"A": 1}, 4, listed=False),
    numbers("text/characters", [3, 5, 9, 9], 4, Stats.INT),
    numbers("text/unknown_share", [0, 0, 0.5, 1], 4),
    strings("text/token", {"the": 6, "film": 2}, 4, least=1, most=3),
]


def test_texts(assert_golden):
    schema = infer(train([*TEXT, strings("label", {"good": 3, "naïve": 1}, 4)], 4))
    assert_golden(to_text(schema), Path(__file__).parent / "golden" / "schema.pbtxt")


def test_several_classes_in_a_row():
    label = inferred(strings("label", {"a": 4, "b": 3}, 4, least=1, most=2))["label"]
    assert (label.value_count.min, label.value_count.HasField("max")) == (1, False)
    assert list(label.string_domain.value) == ["a", "b"]
    assert label.unique_constraints.min == 2


def test_a_value_to_regress_on():
    label = inferred(numbers("label", [-1, 2, 3, 4], 4))["label"]
    assert label.type == schema_pb2.FLOAT
    assert (label.float_domain.disallow_nan, label.float_domain.disallow_inf) == (True, True)
    assert not label.float_domain.HasField("min")
    assert label.drift_comparator.jensen_shannon_divergence.threshold == 0.02
    assert not label.drift_comparator.HasField("infinity_norm")


def test_features_alone():
    found = inferred(
        numbers("numeric/age", [20, 30], 4),
        strings("categorical/city", {"Bonn": 2, "Köln": 2}, 4),
        strings("slice/user", {f"u{i}": 1 for i in range(4)}, 4),
        numbers("weight", [0, 1, 2, 3], 4),
        max_domain=3,
        thresholds=Thresholds(infinity_norm=0.1, jensen_shannon=0.2),
    )
    assert found["numeric/age"].presence.min_fraction == 0.45
    assert list(found["categorical/city"].string_domain.value) == ["Bonn", "Köln"]
    assert found["categorical/city"].skew_comparator.infinity_norm.threshold == 0.1
    assert found["numeric/age"].skew_comparator.jensen_shannon_divergence.threshold == 0.2
    assert not found["slice/user"].HasField("string_domain")
    assert not found["slice/user"].HasField("drift_comparator")
    assert found["weight"].float_domain.min == 0


def test_labels_are_closed_however_many():
    many = strings("label", {f"l{i:03}": 1 for i in range(300)}, 300)
    assert len(inferred(many, rows=300, max_domain=10)["label"].string_domain.value) == 300


def test_columns_without_a_value_are_held_to_nothing():
    empty = inferred(numbers("numeric/x", [], 4), strings("label", {}, 4))
    for feature in empty.values():
        assert not feature.HasField("presence")
        assert not feature.HasField("string_domain")
        assert not feature.HasField("skew_comparator")


value = st.floats(-1e6, 1e6, width=32)
features = st.builds(
    lambda x, length, share, label, city: [
        numbers("numeric/x", x, 20),
        numbers("text/words", length, 20, Stats.INT),
        numbers("text/unknown_share", share, 20),
        strings("label", label, 20),
        strings("categorical/city", city, 20, most=2),
    ],
    st.lists(value, max_size=20),
    st.lists(st.integers(0, 500), max_size=20),
    st.lists(st.floats(0, 1), max_size=20),
    st.dictionaries(st.text(max_size=5), st.integers(1, 9), max_size=5),
    st.dictionaries(st.text(max_size=5), st.integers(1, 9), max_size=5),
)


@given(features)
def test_the_train_split_is_as_the_schema_inferred_from_it_says(found):
    split = train(found, 20)
    file = SchemaText("schema.pbtxt", to_text(infer(split)), wanted_by="test")
    assert validate({"train": split, "test": SplitView("test", 20, split.features)}, file).anomalies == []


@pytest.mark.parametrize("least", [0, 1])
def test_empty_texts_are_allowed_where_train_has_some(least):
    assert inferred(numbers("text/words", [least, 7], 4, Stats.INT))["text/words"].int_domain.min == least

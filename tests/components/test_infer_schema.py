import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.infer_schema import infer_schema
from schemas.artifacts import Schema, Statistics
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
    folder.mkdir()
    statistics = Statistics(folder)
    statistics.proto_file.write_bytes(proto.SerializeToString())
    return statistics


def infer(tmp_path, statistics, **values):
    schema = Schema(tmp_path / "schema")
    return schema, infer_schema(statistics, schema, **infer_schema.spec.validate(values))


def test_writes_a_schema_of_the_train_split_for_people(tmp_path):
    statistics = write(tmp_path / "statistics", train={"b": 3, "a": 5}, test={"c": 1})
    schema, metrics = infer(tmp_path, statistics, infinity_norm=0.5)
    text = schema.file.read_text(encoding="utf-8")
    assert text.startswith("# What the data should look like")
    (label,) = text_format.Parse(text, schema_pb2.Schema()).feature
    assert list(label.string_domain.value) == ["a", "b"]
    assert label.drift_comparator.infinity_norm.threshold == 0.5
    assert label.drift_comparator.jensen_shannon_divergence.threshold == 0.02
    assert metrics == {"features": 1, "closed_domains": 1, "compared_features": 1}


def test_twice_is_the_same(tmp_path):
    statistics = write(tmp_path / "statistics", train={"b": 3, "a": 5})
    schema, _ = infer(tmp_path, statistics)
    first = schema.content_digest()
    assert infer(tmp_path, statistics)[0].content_digest() == first


def test_without_train_rows(tmp_path):
    statistics = write(tmp_path / "statistics", train={}, test={"a": 3})
    with pytest.raises(UserError, match=r"rows in test, expected some in train.*ingest_examples"):
        infer(tmp_path, statistics)


def test_statistics_that_are_none(tmp_path):
    statistics = write(tmp_path / "statistics")
    with pytest.raises(UserError, match=r"FeatureStats\.pb is not a serialized DatasetFeatureStatisticsList"):
        infer(tmp_path, statistics)


def test_thresholds_are_shares():
    with pytest.raises(UserError, match=r"infer_schema\.infinity_norm.*less than or equal to 1"):
        infer_schema.spec.validate({"infinity_norm": 5})

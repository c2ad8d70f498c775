import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from components.compute_statistics import compute_statistics
from schemas.artifacts import Examples, Statistics
from schemas.columns import Columns
from schemas.errors import UserError
from schemas.reports import ExamplesSummary

pytestmark = pytest.mark.slow

COLUMNS = Columns(text_pair=True, numeric=("age",), categorical=("city",), slices=("source",), weight=True)
TWO_PROCESSES = ("--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing")


@pytest.fixture
def write_rows(tmp_path):
    """`write_rows(columns, shards, train=rows, …)`: Examples of rows that are dictionaries."""

    def write(columns, shards, **splits):
        import pyarrow as pa
        import pyarrow.parquet as pq

        examples = Examples(tmp_path / f"examples-{shards}")
        for split, rows in splits.items():
            for shard in range(shards):
                path = examples.shard(split, shard, shards)
                path.parent.mkdir(parents=True, exist_ok=True)
                table = pa.Table.from_pylist(rows[shard::shards], columns.arrow_schema())
                pq.write_table(table, path, row_group_size=100)
        counts = {split: len(rows) for split, rows in splits.items()}
        by_label = {split: Counter(row["label"] for row in rows if row["label"]) for split, rows in splits.items()}
        labels = by_label if columns.label == "class" else {}
        read = sum(counts.values())
        summary = ExamplesSummary(columns=columns, rows_read=read, rows=counts, labels=labels, rejected={})
        examples.write_summary(summary)
        return examples

    return write


@pytest.fixture
def compute(tmp_path, runtime):
    """`compute(examples, name, beam_options, **parameters)`: the artifact and the metrics."""

    def compute(examples, name="statistics", beam_options=runtime.beam_options, **values):
        parameters = compute_statistics.spec.validate(values)
        compute_statistics.spec.check_world(parameters)
        statistics = Statistics(tmp_path / name)
        statistics.path.mkdir()
        scratch = tmp_path / f"scratch-{name}"
        scratch.mkdir()
        here = replace(runtime, scratch=scratch, beam_options=beam_options)
        return statistics, compute_statistics(examples, statistics, here, **parameters)

    return compute


def read(statistics):
    """{split: {feature: proto}} of what was written."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    proto = statistics_pb2.DatasetFeatureStatisticsList.FromString(statistics.proto_file.read_bytes())
    return {dataset.name: {feature.name: feature for feature in dataset.features} for dataset in proto.datasets}


def custom(feature):
    return {one.name: one.num for one in feature.custom_stats}


def people(count, seed=0):
    rng = np.random.default_rng(seed)
    words = ["good", "bad", "film", "plot", "Very", "long"]
    return [
        {
            "id": f"{seed}-{i:05d}",
            "text": " ".join(rng.choice(words, rng.integers(1, 9))),
            "text_raw": "raw" if i % 10 == 0 else None,
            "text_pair": None if i % 4 == 0 else "the film",
            "label": str(rng.choice(["yes", "no"], p=[0.8, 0.2])),
            "weight": 0.5,
            "numeric/age": None if i % 5 == 0 else float(rng.normal(40, 12)),
            "categorical/city": str(rng.choice(["Rome", "Oslo"])),
            "slice/source": "web",
        }
        for i in range(count)
    ]


def test_every_number_is_that_of_the_rows(write_rows, compute):
    train = people(600)
    statistics, metrics = compute(write_rows(COLUMNS, 2, train=train, eval=people(50, seed=1), test=[]), top_values=1)
    splits = read(statistics)
    assert list(splits) == ["train", "eval", "test"]
    assert list(splits["train"]) == [
        *("id", "text", "text/characters", "text/words"),
        *("text/token", "text/token|label=no", "text/token|label=yes", "text_raw"),
        *("text_pair", "text_pair/characters", "text_pair/words"),
        *("text_pair/token", "text_pair/token|label=no", "text_pair/token|label=yes", "text_pair_raw"),
        *("label", "weight", "numeric/age", "categorical/city", "slice/source"),
    ]
    features = splits["train"]

    texts = [row["text"] for row in train]
    text = features["text"].string_stats
    assert text.unique == len(set(texts))
    assert not text.top_values
    repeated = sum(texts.count(one) > 1 for one in texts)
    assert custom(features["text"])["duplicate_share"] == pytest.approx(repeated / 600)

    words = np.array([len(one.split()) for one in texts])
    lengths = features["text/words"]
    assert lengths.type == lengths.INT
    assert lengths.validation_derived_source.deriver_name == "words"
    assert [step for path in lengths.validation_derived_source.source_path for step in path.step] == ["text"]
    assert lengths.num_stats.mean == pytest.approx(words.mean(), rel=1e-15)
    assert lengths.num_stats.std_dev == pytest.approx(words.std(), rel=1e-12)
    assert lengths.num_stats.median == np.quantile(words, 0.5, method="inverted_cdf")
    assert (lengths.num_stats.min, lengths.num_stats.max) == (1, 8)
    assert custom(lengths)["p95"] == np.quantile(words, 0.95, method="inverted_cdf")

    tokens = " ".join(texts).lower().split()
    token = features["text/token"].string_stats
    assert token.common_stats.tot_num_values == len(tokens)
    assert token.unique == 6
    listed = {bucket.label: bucket.sample_count for bucket in token.rank_histogram.buckets}
    assert listed == {word: tokens.count(word) for word in set(tokens)}
    assert [bucket.low_rank for bucket in token.rank_histogram.buckets] == list(range(6))
    assert len(token.top_values) == 1
    assert token.top_values[0].frequency == max(listed.values())

    ages = np.array([row["numeric/age"] for row in train if row["numeric/age"] is not None])
    age = features["numeric/age"].num_stats
    assert features["numeric/age"].type == features["numeric/age"].FLOAT
    assert (age.common_stats.num_non_missing, age.common_stats.num_missing) == (480, 120)
    assert age.mean == pytest.approx(ages.mean(), rel=1e-14)
    assert age.std_dev == pytest.approx(ages.std(), rel=1e-12)
    standard, quantiles = age.histograms
    assert (standard.type, quantiles.type) == (standard.STANDARD, standard.QUANTILES)
    assert [bucket.sample_count for bucket in standard.buckets] == np.histogram(ages, 10)[0].tolist()
    edges = [bucket.low_value for bucket in quantiles.buckets]
    assert edges[1:] == [np.sort(ages)[-(-len(ages) * percent // 100) - 1] for percent in range(1, 100)]
    assert quantiles.buckets[99].high_value == ages.max()
    assert {bucket.sample_count for bucket in quantiles.buckets} == {4.8}

    labels = [row["label"] for row in train]
    ranks = features["label"].string_stats.rank_histogram.buckets
    assert [(one.label, one.sample_count) for one in ranks] == [
        ("yes", labels.count("yes")),
        ("no", labels.count("no")),
    ]
    assert features["text_pair"].string_stats.common_stats.num_missing == 150
    assert features["text_raw"].string_stats.common_stats.num_non_missing == 60
    assert custom(features["numeric/age"]).keys() >= {"p01", "p99"}
    assert splits["test"]["label"].string_stats.common_stats.num_non_missing == 0

    assert metrics == {
        "rows": 650,
        "median_words": float(np.quantile(words, 0.5, method="inverted_cdf")),
        "p95_words": float(np.quantile(words, 0.95, method="inverted_cdf")),
        "duplicate_share": pytest.approx(repeated / 600),
        "labels": 2,
    }
    written = json.loads(statistics.json_file.read_text())
    in_json = {feature["name"]: feature for feature in written["splits"]["train"]["features"]}
    assert in_json["numeric/age"]["numbers"]["mean"] == age.mean
    assert in_json["numeric/age"]["numbers"]["quantiles"]["30"] == np.sort(ages)[143]
    assert in_json["label"]["strings"]["top_values"] == {"yes": labels.count("yes")}
    page = statistics.page.read_text()
    assert "numeric/age" in page
    assert "No rows: test." in page


def test_shards_and_workers_do_not_show(write_rows, compute):
    splits = {"train": people(700), "eval": people(90, seed=1), "test": people(30, seed=2)}
    one, _ = compute(write_rows(COLUMNS, 1, **splits), "one")
    four, _ = compute(write_rows(COLUMNS, 4, **splits), "four", TWO_PROCESSES)
    assert one.content_digest() == four.content_digest()


@pytest.mark.parametrize("with_vocabulary", [True, False])
def test_tokens_of_each_label(write_rows, compute, tmp_path, tiny_vocabulary, with_vocabulary):
    (tmp_path / "words.txt").write_text("\n".join(tiny_vocabulary) + "\n")
    texts = ["good film", "bad", "good good", None, "the film", "bad bad"]
    labels = ["+", "a/-", "+", "+", None, "new"]
    pairs = zip(texts, labels, strict=True)
    train = [{"id": str(i), "text": text, "label": label} for i, (text, label) in enumerate(pairs)]
    eval_rows = [{"id": "e", "text": "bad", "label": "only in eval"}]
    vocabulary = str(tmp_path / "words.txt") if with_vocabulary else None
    statistics, _ = compute(write_rows(Columns(), 2, train=train, eval=eval_rows), vocabulary=vocabulary)
    splits = read(statistics)
    found = {
        name.removeprefix("text/token|label="): {
            bucket.label: bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets
        }
        for name, feature in splits["train"].items()
        if name.startswith("text/token|")
    }
    assert found == {"+": {"good": 3, "film": 1}, "a/-": {"bad": 1}, "new": {"bad": 2}}
    good = splits["train"]["text/token|label=+"]
    common = good.string_stats.common_stats
    assert (common.num_non_missing, common.num_missing, common.tot_num_values) == (2, 4, 4)
    assert good.string_stats.unique == 2
    source = good.validation_derived_source
    assert (source.deriver_name, source.source_path[0].step) == ("token", ["text"])
    other = splits["eval"]["text/token|label=a/-"].string_stats.common_stats
    assert (other.num_non_missing, other.num_missing) == (0, 1)


def test_tokens_of_a_vocabulary(write_rows, compute, tmp_path, tiny_vocabulary):
    (tmp_path / "words.txt").write_text("\n".join(tiny_vocabulary) + "\n")
    texts = ["the film was good", "ok ?!", "", "bad " * 20]
    train = [{"id": str(i), "text": text, "label": "any"} for i, text in enumerate(texts)]
    statistics, metrics = compute(write_rows(Columns(), 2, train=train), vocabulary=str(tmp_path / "words.txt"))
    features = read(statistics)["train"]
    tokens = features["text/tokens"]
    assert tokens.type == tokens.INT
    assert tokens.num_stats.mean == (4 + 4 + 0 + 20) / 4
    # [CLS] and [SEP] belong to the length that a model sees: 22 do not fit into 16.
    assert [custom(tokens)[f"within_{bound}"] for bound in (16, 32, 64)] == [0.75, 1, 1]
    unknown = features["text/unknown_share"]
    assert unknown.type == unknown.FLOAT
    assert (unknown.num_stats.common_stats.num_missing, unknown.num_stats.max) == (1, 0.25)
    assert custom(unknown)["unknown_tokens"] == 1
    token = features["text/token"].string_stats
    assert token.common_stats.tot_num_values == 28
    assert token.top_values[0].value == "bad"
    once = dict.fromkeys(["the", "film", "was", "good", "o", "##k", "[UNK]", "!"], 1)
    assert {top.value: top.frequency for top in token.top_values} == {"bad": 20, **once}
    assert metrics["unknown_share"] == 1 / 28
    assert metrics["median_tokens"] == 4
    assert "Which max_length?" in statistics.page.read_text()


def test_a_vocabulary_that_is_none_is_refused_in_the_first_second(tmp_path, compute):
    (tmp_path / "words.txt").write_text("[PAD]\n[UNK]\n")
    with pytest.raises(UserError, match=r"lacks \[CLS\], \[SEP\]"):
        compute(None, vocabulary=str(tmp_path / "words.txt"))
    with pytest.raises(UserError, match=r"compute_statistics\.top_values"):
        compute(None, top_values=0)

"""Which labels get a distribution of tokens of their own, and what it is good for."""

import numpy as np
import pyarrow as pa
from hypothesis import given as sampled
from hypothesis import strategies as st

from models.statistics.label_tokens import frequent, given
from models.statistics.protos import split_proto
from models.statistics.rows import SplitStatistics, count_by_label
from models.validation.distances import compare_counts
from models.validation.view import FeatureView
from schemas.columns import Columns


def test_only_the_most_frequent_labels_get_a_feature():
    labels = {f"l{i:02}": 1 if i < 5 else 2 for i in range(30)}
    assert frequent(labels) == tuple(f"l{i:02}" for i in range(5, 25))
    assert frequent({}) == ()


@sampled(st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 4), max_size=5)), max_size=20))
def test_counts_by_label(texts):
    ids = np.array([i for _, text in texts for i in text], np.int64)
    lengths = np.array([len(text) for _, text in texts], np.int64)
    counts = count_by_label(ids, lengths, np.array([label for label, _ in texts], np.int64), 3, 5)
    for label in range(4):
        own = [i for one, text in texts for i in text if one == label]
        assert counts[label].tolist() == [own.count(i) for i in range(5)]


def test_sees_shuffled_labels():
    rng = np.random.default_rng(0)
    labels = rng.choice(["+", "-"], 2000)
    texts = [f"{'good' if label == '+' else 'bad'} film" for label in labels]
    before, after = tokens_by_label(texts, labels), tokens_by_label(texts, rng.permutation(labels))
    for label in "+-":
        measured = compare_counts(before[given(label, "text")], after[given(label, "text")])
        assert measured["jensen_shannon"].value > 0.1 > 10 * measured["jensen_shannon"].allowance


def tokens_by_label(texts, labels):
    statistics = SplitStatistics(Columns(), with_tokens=False, labels=("+", "-"))
    values = {"id": [f"{i}" for i in range(len(texts))], "text": texts, "label": labels.tolist()}
    schema = Columns().arrow_schema()
    columns = [pa.array(values.get(field.name, [None] * len(texts)), field.type) for field in schema]
    statistics.add(pa.record_batch(columns, schema=schema), None)
    proto = split_proto("train", statistics, 20)
    return {feature.name: FeatureView(feature, len(texts)).as_counts() for feature in proto.features}

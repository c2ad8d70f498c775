"""Tokens by label, however the rows come."""

from itertools import chain

import numpy as np
import pyarrow as pa

from models.distances import compare_counts
from models.label_tokens import LabelTokens
from models.validation_view import FeatureView

VOCABULARY = ["[UNK]", "good", "bad", "film"]


def seen(*batches):
    tokens = LabelTokens()
    for labels, texts in batches:
        lengths = np.array([len(text) for text in texts])
        tokens.add(pa.array(labels, pa.string()), np.array(list(chain(*texts)), np.int32), lengths)
    return tokens


def listed(feature):
    return {bucket.label: bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets}


def test_counts_by_label():
    plus, minus = seen((["+", "-", None, "+"], [[1, 3, 1], [2], [0, 0], []])).features(VOCABULARY)
    assert (plus.name, minus.name) == ("text/token|label=+", "text/token|label=-")
    assert listed(plus) == {"good": 2, "film": 1}
    assert listed(minus) == {"bad": 1}
    assert plus.string_stats.common_stats.num_non_missing == 2
    assert plus.string_stats.common_stats.tot_num_values == 3


def test_any_order_and_any_merge_gives_the_same():
    one, two = (["a", "b"], [[1, 2], [3]]), (["b", "c"], [[3, 3], [1]])
    merged = seen(two)
    merged.merge(seen(one))
    assert merged.features(VOCABULARY) == seen(one, two).features(VOCABULARY) == seen(two, one).features(VOCABULARY)


def test_only_the_most_frequent_labels_get_a_feature():
    labels = [f"l{i:02}" for i in range(30)]
    tokens = seen((labels + labels[5:], [[1]] * 55))
    assert [feature.name for feature in tokens.features(VOCABULARY)] == [
        f"text/token|label=l{i:02}" for i in range(5, 25)
    ]


def test_sees_shuffled_labels():
    rng = np.random.default_rng(0)
    labels = rng.choice(["+", "-"], 2000)
    texts = [[1 if label == "+" else 2, 3] for label in labels]
    before = seen((labels, texts)).features(VOCABULARY)
    after = seen((rng.permutation(labels), texts)).features(VOCABULARY)
    for old, new in zip(before, after, strict=True):
        measured = compare_counts(FeatureView(old, 2000).as_counts(), FeatureView(new, 2000).as_counts())
        assert measured["jensen_shannon"].value > 0.1 > 10 * measured["jensen_shannon"].allowance

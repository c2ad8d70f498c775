"""Statistics in the form that TensorFlow Data Validation knows: tensorflow_metadata's DatasetFeatureStatistics.

Beside its own fields, features carry custom statistics:

```
p01 p05 p25 p75 p95 p99      numbers: percentiles
body                         numbers: a histogram of 40 fine buckets up to p99
infinite                     numbers: how many are; like NaN they count in neither mean, minimum nor histogram
within_<n>                   tokens: share of the texts that fit into max_length <n>, special tokens included
unknown_tokens               unknown_share: [UNK] among all tokens of all texts
duplicate_share              texts: share of the rows whose text other rows of the split have too
scripts                      texts: letters of each script
unique_low unique_high       strings: 95 % bounds of `unique`, where it is an estimate
sample_rate                  where there were too many different values: the share of them that the distribution,
                             or duplicate_share, was taken from
```
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import path_pb2, statistics_pb2

from models.statistics.counts import Counts
from models.statistics.distinct import Estimate
from models.statistics.features import Feature, Names, Numbers, Presence, Strings, Texts
from models.statistics.histograms import Bucket, Distribution
from models.statistics.label_tokens import GIVEN
from models.statistics.rows import TOKENS_OF_BOTH, SplitStatistics
from models.statistics.scripts import SCRIPTS

BUCKETS, BODY_BUCKETS = 10, 40
QUANTILE_BUCKETS = 100  # a cell of a drift comparison takes two or more
RANKS = 1000
PERCENTILES = (1, 5, 25, 75, 95, 99)
MAX_LENGTHS = (16, 32, 64, 128, 256, 512)
TEXTS = ("text", "text_pair")
SPECIAL_TOKENS = {"text/tokens": 2, "text_pair/tokens": 2, TOKENS_OF_BOTH: 3}
WHOLE = ("characters", "words", "tokens", "tokens_of_both")

Proto: TypeAlias = statistics_pb2.FeatureNameStatistics
Histogram: TypeAlias = statistics_pb2.Histogram
Custom: TypeAlias = statistics_pb2.CustomStatistic


def split_proto(split: str, statistics: SplitStatistics, top_values: int) -> statistics_pb2.DatasetFeatureStatistics:
    """All features of a split; string features list their `top_values` most frequent values."""
    proto = statistics_pb2.DatasetFeatureStatistics(name=split, num_examples=statistics.rows)
    for name, feature in statistics.features.items():
        described = _feature(name, feature, top_values)
        if name.endswith("/unknown_share"):
            described.custom_stats.append(Custom(name="unknown_tokens", num=statistics.unknown_tokens(name)))
        proto.features.append(described)
    return proto


def _feature(name: str, feature: Feature, top_values: int) -> Proto:
    proto = Proto(name=name)
    source, _, deriver = name.partition(GIVEN)[0].rpartition("/")
    if source in TEXTS:
        sources = TEXTS if name == TOKENS_OF_BOTH else (source,)
        proto.validation_derived_source.deriver_name = deriver
        proto.validation_derived_source.source_path.extend(path_pb2.Path(step=[text]) for text in sources)
    if isinstance(feature, Numbers):
        _describe_numbers(proto, feature, is_whole=bool(source in TEXTS and deriver in WHOLE))
    elif isinstance(feature, Strings):
        _describe_strings(proto, feature, top_values)
    else:
        _describe_names(proto, feature)
    return proto


def _describe_numbers(proto: Proto, numbers: Numbers, *, is_whole: bool) -> None:
    proto.type = statistics_pb2.FeatureNameStatistics.INT if is_whole else statistics_pb2.FeatureNameStatistics.FLOAT
    proto.num_stats.common_stats.CopyFrom(_common(numbers.presence))
    if numbers.infinite:
        proto.custom_stats.append(Custom(name="infinite", num=numbers.infinite))
    if numbers.least is None or numbers.most is None:
        proto.num_stats.histograms.append(Histogram(num_nan=numbers.nans, num_undefined=numbers.infinite))
        return
    distribution = _distribution(numbers, numbers.least, numbers.most)
    stats = proto.num_stats
    stats.mean, stats.std_dev = numbers.moments.mean, numbers.moments.standard_deviation
    stats.num_zeros = numbers.zeros
    stats.min, stats.median, stats.max = numbers.least, distribution.quantile(500), numbers.most
    for kind, buckets in (
        (Histogram.STANDARD, distribution.equal_buckets(BUCKETS)),
        (Histogram.QUANTILES, distribution.quantile_buckets(QUANTILE_BUCKETS)),
    ):
        stats.histograms.append(_histogram(kind, buckets, numbers))
    for percent in PERCENTILES:
        proto.custom_stats.append(Custom(name=f"p{percent:02d}", num=distribution.quantile(10 * percent)))
    body = distribution.body(BODY_BUCKETS, whole=is_whole)
    proto.custom_stats.append(Custom(name="body", histogram=_histogram(Histogram.STANDARD, body, numbers)))
    if special := SPECIAL_TOKENS.get(proto.name):
        for bound in MAX_LENGTHS:
            share = distribution.share_up_to(bound - special)
            proto.custom_stats.append(Custom(name=f"within_{bound}", num=share))
    _tell_rate(proto, numbers.counts)


def _distribution(numbers: Numbers, least: float, most: float) -> Distribution:
    values, counts = numbers.counts.result()
    return Distribution(values.to_numpy(), counts, numbers.moments.count, least, most)


def _histogram(kind: int, buckets: Sequence[Bucket], numbers: Numbers | None = None) -> statistics_pb2.Histogram:
    histogram = Histogram(type=kind)
    if numbers is not None:
        histogram.num_nan, histogram.num_undefined = numbers.nans, numbers.infinite
    for bucket in buckets:
        histogram.buckets.add(low_value=bucket.low, high_value=bucket.high, sample_count=bucket.count)
    return histogram


def _describe_strings(proto: Proto, strings: Strings, top_values: int) -> None:
    proto.type = statistics_pb2.FeatureNameStatistics.STRING
    stats = proto.string_stats
    stats.common_stats.CopyFrom(_common(strings.presence, strings.lengths))
    stats.avg_length = _ratio(strings.characters, strings.presence.values)
    values, frequencies = _ranked(strings.counts, max(RANKS, top_values))
    for value, frequency in list(zip(values, frequencies, strict=True))[:top_values]:
        stats.top_values.add(value=value, frequency=frequency)
    for rank, (value, frequency) in enumerate(zip(values[:RANKS], frequencies, strict=False)):
        stats.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, label=value, sample_count=frequency)
    _tell_rate(proto, strings.counts)
    _tell_unique(proto, strings.unique())


def _ranked(counts: Counts, ranks: int) -> tuple[list[str], list[float]]:
    """The most frequent values, equally frequent ones in alphabetical order, and how often they occur."""
    values, frequencies = counts.result()
    order = np.argsort(-frequencies, kind="stable")[:ranks]
    return values.take(pa.array(order)).to_pylist(), (frequencies[order] / counts.rate).tolist()


def _describe_names(proto: Proto, names: Names) -> None:
    proto.type = statistics_pb2.FeatureNameStatistics.STRING
    proto.string_stats.common_stats.CopyFrom(_common(names.presence))
    proto.string_stats.avg_length = _ratio(names.characters, names.presence.values)
    if isinstance(names, Texts):
        share = _ratio(names.repeated(), names.presence.present)
        proto.custom_stats.append(Custom(name="duplicate_share", num=share))
        proto.custom_stats.append(Custom(name="scripts", rank_histogram=_script_ranks(names.scripts)))
        _tell_rate(proto, names.repeats)
    _tell_unique(proto, names.unique())


def _script_ranks(letters: np.ndarray) -> statistics_pb2.RankHistogram:
    histogram = statistics_pb2.RankHistogram(name="letters")
    order = [number for number in np.argsort(-letters, kind="stable") if letters[number]]
    for rank, number in enumerate(order):
        histogram.buckets.add(low_rank=rank, high_rank=rank, label=SCRIPTS[number], sample_count=float(letters[number]))
    return histogram


def _tell_unique(proto: Proto, estimate: Estimate) -> None:
    proto.string_stats.unique = estimate.value
    if estimate.low != estimate.high:
        proto.custom_stats.append(Custom(name="unique_low", num=estimate.low))
        proto.custom_stats.append(Custom(name="unique_high", num=estimate.high))


def _tell_rate(proto: Proto, counts: Counts) -> None:
    if counts.rate < 1:
        proto.custom_stats.append(Custom(name="sample_rate", num=counts.rate))


def _common(presence: Presence, lengths: Counts | None = None) -> statistics_pb2.CommonStatistics:
    stats = statistics_pb2.CommonStatistics(
        num_non_missing=presence.present,
        num_missing=presence.missing,
        min_num_values=presence.least or 0,
        max_num_values=presence.most,
        avg_num_values=_ratio(presence.values, presence.present),
        tot_num_values=presence.values,
    )
    if lengths is not None and presence.least is not None:
        values, counts = lengths.result()
        if len(values):
            buckets = Distribution(
                values.to_numpy(), counts, presence.present, presence.least, presence.most
            ).quantile_buckets(BUCKETS)
            stats.num_values_histogram.CopyFrom(_histogram(Histogram.QUANTILES, buckets))
    return stats


def _ratio(part: float, whole: int) -> float:
    return part / whole if whole else 0.0

"""Statistics to read and to diff: what FeatureStats.pb holds, with names instead of nesting."""

from typing import TypeAlias

from pydantic import Field
from tensorflow_metadata.proto.v0 import statistics_pb2

from schemas.reports import Report

Proto: TypeAlias = statistics_pb2.FeatureNameStatistics
KINDS = {Proto.INT: "int", Proto.FLOAT: "float", Proto.STRING: "string"}
DECILES = range(0, 101, 10)


class NumberBucket(Report):
    """Numbers from `low` to below `high`."""

    low: float
    high: float
    rows: float


class NumberReport(Report):
    """The distribution of finite numbers."""

    mean: float
    standard_deviation: float
    minimum: float
    median: float
    maximum: float
    zeros: int
    quantiles: dict[int, float] = Field(description="by percent")
    within: dict[int, float] = Field(default={}, description="tokens: share of texts that fit, by max_length")
    histogram: list[NumberBucket] = Field(description="from minimum to maximum")
    body: list[NumberBucket] = Field(description="from minimum to the 99th percentile")


class StringReport(Report):
    """Strings: how many different ones, and which."""

    unique: int
    unique_low: int = Field(description="95 % bounds of `unique`; all equal where it is exact")
    unique_high: int
    average_length: float = Field(description="in characters")
    top_values: dict[str, float] = Field(default={}, description="the most frequent values and how often they occur")
    ranks: dict[str, float] = Field(default={}, exclude=True, description="the same, up to a thousand")
    duplicate_share: float | None = Field(default=None, description="rows whose text other rows have too")
    scripts: dict[str, float] | None = Field(default=None, description="letters of each script")


class FeatureReport(Report):
    """One column, or what was derived from a text column."""

    name: str
    kind: str
    derived: bool
    present: int = Field(description="rows that have the feature")
    missing: int
    values: int
    least_values: int = Field(description="values per row")
    most_values: int
    nan: int = 0
    infinite: int = 0
    unknown_tokens: int | None = Field(default=None, description="of unknown_share: [UNK] among all tokens")
    sample_rate: float = Field(default=1.0, description="below 1: share of the values that the distribution is from")
    numbers: NumberReport | None = None
    strings: StringReport | None = None


class SplitReport(Report):
    """One split."""

    rows: int
    features: list[FeatureReport]

    def find(self, name: str) -> FeatureReport | None:
        """The feature of that name."""
        return next((feature for feature in self.features if feature.name == name), None)


class StatisticsReport(Report):
    """All splits."""

    splits: dict[str, SplitReport]


def report_of(proto: statistics_pb2.DatasetFeatureStatisticsList) -> StatisticsReport:
    """What `statistics.json` says."""
    return StatisticsReport(
        splits={
            dataset.name: SplitReport(rows=dataset.num_examples, features=[*map(_feature, dataset.features)])
            for dataset in proto.datasets
        }
    )


def headline(report: StatisticsReport) -> dict[str, float | int | str]:
    """The few numbers a person wants to see first: of all splits' rows, and of the train split's texts."""
    train = report.splits["train"]
    numbers: dict[str, float | int | str] = {"rows": sum(split.rows for split in report.splits.values())}
    for unit in ("tokens", "words"):
        lengths = train.find(f"text/{unit}")
        if lengths is not None and lengths.numbers is not None:
            numbers |= {f"median_{unit}": lengths.numbers.median, f"p95_{unit}": lengths.numbers.quantiles[95]}
            break
    share = unknown_share(train, "text")
    if share is not None:
        numbers["unknown_share"] = share
    text, label = train.find("text"), train.find("label")
    if text is not None and text.strings is not None:
        numbers["duplicate_share"] = text.strings.duplicate_share or 0.0
    if label is not None and label.strings is not None:
        numbers["labels"] = label.strings.unique
    return numbers


def unknown_share(split: SplitReport, text: str) -> float | None:
    """The share of unknown tokens among all tokens of a text column, where WordPieces were counted."""
    shares, tokens = split.find(f"{text}/unknown_share"), split.find(f"{text}/token")
    if shares is None or tokens is None or shares.unknown_tokens is None or not tokens.values:
        return None
    return shares.unknown_tokens / tokens.values


def _feature(proto: Proto) -> FeatureReport:
    custom = {statistic.name: statistic for statistic in proto.custom_stats}
    is_string = proto.HasField("string_stats")
    stats = proto.string_stats if is_string else proto.num_stats
    common = stats.common_stats
    return FeatureReport(
        name=proto.name,
        kind=KINDS[proto.type],
        derived=proto.HasField("validation_derived_source"),
        present=common.num_non_missing,
        missing=common.num_missing,
        values=common.tot_num_values,
        least_values=common.min_num_values,
        most_values=common.max_num_values,
        nan=0 if is_string else proto.num_stats.histograms[0].num_nan,
        infinite=int(custom["infinite"].num) if "infinite" in custom else 0,
        unknown_tokens=int(custom["unknown_tokens"].num) if "unknown_tokens" in custom else None,
        sample_rate=custom["sample_rate"].num if "sample_rate" in custom else 1.0,
        numbers=_numbers(proto.num_stats, custom) if "body" in custom else None,
        strings=_strings(proto.string_stats, custom) if is_string else None,
    )


def _numbers(
    stats: statistics_pb2.NumericStatistics, custom: dict[str, statistics_pb2.CustomStatistic]
) -> NumberReport:
    standard, quantiles = stats.histograms
    edges = [quantiles.buckets[0].low_value, *(bucket.high_value for bucket in quantiles.buckets)]
    percentiles = {percent: edges[percent * len(quantiles.buckets) // 100] for percent in DECILES}
    percentiles |= {int(name[1:]): one.num for name, one in custom.items() if name[0] == "p" and name[1:].isdigit()}
    return NumberReport(
        mean=stats.mean,
        standard_deviation=stats.std_dev,
        minimum=stats.min,
        median=stats.median,
        maximum=stats.max,
        zeros=stats.num_zeros,
        quantiles=dict(sorted(percentiles.items())),
        within={int(name[7:]): one.num for name, one in custom.items() if name.startswith("within_")},
        histogram=_buckets(standard),
        body=_buckets(custom["body"].histogram),
    )


def _strings(stats: statistics_pb2.StringStatistics, custom: dict[str, statistics_pb2.CustomStatistic]) -> StringReport:
    return StringReport(
        unique=stats.unique,
        unique_low=int(custom["unique_low"].num) if "unique_low" in custom else stats.unique,
        unique_high=int(custom["unique_high"].num) if "unique_high" in custom else stats.unique,
        average_length=stats.avg_length,
        top_values={top.value: top.frequency for top in stats.top_values},
        ranks=_ranks(stats.rank_histogram),
        duplicate_share=custom["duplicate_share"].num if "duplicate_share" in custom else None,
        scripts=_ranks(custom["scripts"].rank_histogram) if "scripts" in custom else None,
    )


def _ranks(histogram: statistics_pb2.RankHistogram) -> dict[str, float]:
    return {bucket.label: bucket.sample_count for bucket in histogram.buckets}


def _buckets(histogram: statistics_pb2.Histogram) -> list[NumberBucket]:
    return [NumberBucket(low=b.low_value, high=b.high_value, rows=b.sample_count) for b in histogram.buckets]

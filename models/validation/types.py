"""Are the values of the type that the schema says?"""

from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import schema_pb2

from models.validation.case import Case
from schemas.reports import Anomaly

STORED = {
    schema_pb2.INT: ("INT",),
    schema_pb2.FLOAT: ("FLOAT",),
    schema_pb2.BYTES: ("STRING", "BYTES"),
    schema_pb2.STRUCT: ("STRUCT",),
}
WRITTEN = {"INT": "INT", "FLOAT": "FLOAT", "STRING": "BYTES", "BYTES": "BYTES", "STRUCT": "STRUCT"}
ENUM = {
    "FLOAT": "ENUM_TYPE_FLOAT_NOT_STRING",
    "INT": "ENUM_TYPE_INT_NOT_STRING",
    "BYTES": "ENUM_TYPE_BYTES_NOT_STRING",
}
PLAIN = {"FLOAT": "STRING_TYPE_NOW_FLOAT", "INT": "STRING_TYPE_NOW_INT"}
NUMERIC = {schema_pb2.INT: "INT_TYPE_INT_EXPECTED", schema_pb2.FLOAT: "FLOAT_TYPE_NOT_FLOAT"}


def types(case: Case) -> Iterator[Anomaly]:
    """At most one anomaly; where there is one, what the schema says about values has no meaning."""
    expected, found = case.feature.type, case.view.type
    if expected not in STORED:
        return  # a schema without types is refused elsewhere
    closed = case.feature.WhichOneof("domain_info") in ("domain", "string_domain")
    if closed and expected == schema_pb2.BYTES and found in ENUM:
        name = ENUM[found]
    elif found in STORED[expected]:
        return
    elif expected == schema_pb2.BYTES:
        name = PLAIN.get(found, "UNEXPECTED_DATA_TYPE")
    else:
        name = NUMERIC.get(expected, "UNEXPECTED_DATA_TYPE")
    edit = case.place.write("type", WRITTEN[found])
    domain = case.feature.WhichOneof("domain_info")
    if domain is not None:
        edit += f"; {case.place.delete(domain)}"
    yield case.anomaly(name, f"values of type {found}", " or ".join(STORED[expected]), edit)

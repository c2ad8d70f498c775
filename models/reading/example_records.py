"""The first record of a TFRecord file of `tf.train.Example`, without TensorFlow, which takes seconds to load."""

from functools import cache
from typing import Any

from models.reading.data_files import DataFile
from models.reading.transcoding import open_raw

LENGTH_BYTES = 8
CHECKSUM_BYTES = 4
LARGEST_RECORD = 1 << 30


def first_features(file: DataFile) -> dict[str, str] | None:
    """Kind of each feature (text, number or none) of the first example; None for a file without any.

    Raises:
        ValueError: the file does not begin with an Example.
    """
    with open_raw(file) as stream:
        head = stream.read(LENGTH_BYTES + CHECKSUM_BYTES)
        length = int.from_bytes(head[:LENGTH_BYTES], "little")
        if not head:
            return None
        content = stream.read(length) if length <= LARGEST_RECORD else b""
    if len(content) != length or len(head) < LENGTH_BYTES + CHECKSUM_BYTES:
        raise ValueError(f"the first record should have {length:,} bytes")
    example = _example_class()()
    try:
        example.ParseFromString(content)
    except Exception as error:  # the class of protobuf's error depends on its build
        raise ValueError("the first record is no Example") from error
    kinds = {"bytes_list": "text", "float_list": "number", "int64_list": "number", None: "none"}
    return {name: kinds[feature.WhichOneof("kind")] for name, feature in example.features.feature.items()}


@cache
def _example_class() -> Any:
    """The message class of example.proto and feature.proto of TensorFlow, of our own making."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="first", syntax="proto3")

    def message(name: str, *fields: tuple[str, int, int, str], parent: Any = file.message_type) -> Any:
        made = parent.add(name=name)
        for field_name, kind, label, type_name in fields:
            made.field.add(
                name=field_name, number=len(made.field) + 1, type=kind, label=label, type_name=type_name or None
            )
        return made

    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    message("BytesList", ("value", field.TYPE_BYTES, many, ""))
    message("FloatList", ("value", field.TYPE_FLOAT, many, ""))
    message("Int64List", ("value", field.TYPE_INT64, many, ""))
    lists = (("bytes_list", "BytesList"), ("float_list", "FloatList"), ("int64_list", "Int64List"))
    feature = message("Feature", *((name, field.TYPE_MESSAGE, one, f".first.{kind}") for name, kind in lists))
    feature.oneof_decl.add(name="kind")
    for member in feature.field:
        member.oneof_index = 0
    features = message("Features", ("feature", field.TYPE_MESSAGE, many, ".first.Features.FeatureEntry"))
    entry = message(
        "FeatureEntry",
        ("key", field.TYPE_STRING, one, ""),
        ("value", field.TYPE_MESSAGE, one, ".first.Feature"),
        parent=features.nested_type,
    )
    entry.options.map_entry = True
    message("Example", ("features", field.TYPE_MESSAGE, one, ".first.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("first.Example"))

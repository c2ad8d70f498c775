import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tokens.record_files import write_records


@given(st.lists(st.lists(st.binary(max_size=40), max_size=4), max_size=3))
def test_lengths_and_checksums_frame_every_record(batches):
    file = io.BytesIO()
    for batch in batches:
        write_records(file, pa.array(batch, pa.binary()))
    records = [record for batch in batches for record in batch]
    assert len(file.getvalue()) == sum(16 + len(record) for record in records)
    assert list(records_of(file.getvalue())) == records


def records_of(content):
    while content:
        length = int.from_bytes(content[:8], "little")
        yield content[12 : 12 + length]
        content = content[16 + length :]


@pytest.mark.slow
def test_bytes_are_those_of_tensorflow(tmp_path):
    import tensorflow as tf

    records = [b"", b"x", bytes(range(256)) * 300, "naïve".encode(), b"x"]
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    with (tmp_path / "ours").open("wb") as file:
        write_records(file, pa.array(records[:2], pa.binary()))
        write_records(file, pa.array([b"left out", *records[2:]], pa.binary()).slice(1))
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()

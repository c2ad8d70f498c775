import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.tokens.example_bytes import encode, varint, varints

pytestmark = pytest.mark.slow

INT64 = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "ids": st.lists(st.integers(0, 40_000), max_size=200),
            "any": st.lists(INT64, max_size=3),
            "numbers": st.lists(st.floats(width=32, allow_nan=False), max_size=3),
            "texts": st.lists(st.binary(max_size=150), max_size=3),
        }
    ),
    max_size=5,
)
TYPES = {"ids": pa.int32(), "any": pa.int64(), "numbers": pa.float32(), "texts": pa.binary()}


def batch_of(rows):
    return pa.record_batch(
        {name: pa.array([row[name] for row in rows], pa.list_(kind)) for name, kind in TYPES.items()}
    )


def by_protobuf(row):
    import tensorflow as tf

    features = {
        "ids": tf.train.Feature(int64_list=tf.train.Int64List(value=row["ids"])),
        "any": tf.train.Feature(int64_list=tf.train.Int64List(value=row["any"])),
        "numbers": tf.train.Feature(float_list=tf.train.FloatList(value=row["numbers"])),
        "texts": tf.train.Feature(bytes_list=tf.train.BytesList(value=row["texts"])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


@settings(deadline=None)  # the first example imports TensorFlow
@given(ROWS)
def test_bytes_are_those_of_protobuf(rows):
    assert encode(batch_of(rows)).to_pylist() == [by_protobuf(row) for row in rows]


@given(ROWS, st.integers(0, 5))
def test_a_slice_of_a_batch_gives_the_same_rows(rows, start):
    assert encode(batch_of(rows).slice(start)).to_pylist() == encode(batch_of(rows)).to_pylist()[start:]


@given(st.lists(st.integers(0, 2**63 - 1)))
def test_varints_are_the_same_one_by_one_and_together(values):
    assert varints(pa.array(values, pa.int64())).to_pylist() == [varint(value) for value in values]


def test_bytes_are_the_same_in_another_process():
    # protobuf orders its maps anew in every process; three columns give six orders.
    code = (
        "import pyarrow as pa; from models.tokens.example_bytes import encode; "
        "batch = pa.record_batch({'token_ids': [[1, 2]], 'label': [[0]], 'id': [[b'x']]}); "
        "print(encode(batch)[0].as_py().hex())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    record = bytes.fromhex(runs.pop())
    assert record.index(b"id\x12") < record.index(b"label") < record.index(b"token_ids")

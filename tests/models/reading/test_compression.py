import gzip
import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from models.reading.compression import BROKEN, unpacked

PACK = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress, "": bytes}


@given(st.lists(st.binary(max_size=50), max_size=4), st.sampled_from(sorted(PACK)), st.integers(1, 20))
def test_all_members_of_a_packed_file_are_read(parts, packing, step):
    stream = unpacked(io.BytesIO(b"".join(map(PACK[packing], parts))), packing)
    found = b"".join(iter(lambda: stream.read(step), b""))
    assert found == b"".join(parts)


@pytest.mark.parametrize("packing", [".gz", ".zst"])
@pytest.mark.parametrize("count", [1, 500_000])
def test_no_cut_goes_unnoticed(packing, count):
    content = PACK[packing](b"".join(b"%d," % i for i in range(count)))
    for cut in (1, 4, len(content) // 2, len(content) - 2):
        with pytest.raises(BROKEN):
            unpacked(io.BytesIO(content[: len(content) - cut]), packing).read()
    with pytest.raises(BROKEN):
        unpacked(io.BytesIO(b"text,label\n"), packing).read()
    with pytest.raises(BROKEN):
        unpacked(io.BytesIO(content + b"and more"), packing).read()

import gzip

from hypothesis import given, settings
from hypothesis import strategies as st

from models.reading.data_files import DataFile
from models.reading.transcoding import decode, is_marked, open_utf8, show


@settings(deadline=None)
@given(st.binary(), st.sampled_from(["utf-8", "latin-1", "utf-16", "shift_jis"]))
def test_any_bytes_become_valid_utf8_and_streaming_changes_nothing(content, encoding):
    text = decode(content, encoding)
    text.encode("utf-8")
    show(text).encode("utf-8")
    try:
        assert text == content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        assert is_marked(text)


def test_stream_marks_bad_bytes_across_reads_and_drops_the_byte_order_mark(tmp_path):
    content = b"\xef\xbb\xbf" + "é".encode() * (1 << 20) + b"\xe9 end \xc3"
    (tmp_path / "a.txt").write_bytes(content)
    with open_utf8(DataFile(str(tmp_path / "a.txt"), 0, "test"), "utf-8") as stream:
        text = stream.read().decode()
    assert text == decode(content, "utf-8")
    assert show(text.lstrip("é")) == "\\xe9 end \\xc3"


def test_gz_is_unpacked_and_utf16_read(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress("text,é\n".encode("utf-16")))
    with open_utf8(DataFile(str(tmp_path / "a.csv.gz"), 0, "test"), "utf-16") as stream:
        assert stream.readline().decode() == "text,é\n"

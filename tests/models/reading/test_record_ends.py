"""Record ends must be those of Arrow's parser, whatever the quotes, and the same however the text is cut."""

import codecs
import encodings.aliases
from itertools import pairwise

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.reading.record_ends import RecordEnds, is_transparent
from models.reading.transcoding import decode

delimited = st.text(alphabet='a,"\n\r', max_size=40).map(str.encode)


def parsed(text: bytes) -> list[object]:
    """What Arrow makes of a text: good rows and ragged ones."""
    if not text:
        return []
    ragged: list[str] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        ragged.append(row.text)
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(text),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=["x", "y"]),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        convert_options=pyarrow.csv.ConvertOptions(default_column_type=pa.string()),
    )
    return [table.to_pylist(), ragged]


def all_ends(text: bytes, cuts: list[int]) -> list[int]:
    scanner = RecordEnds(quoted=True)
    bounds = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    ends = []
    for start, end in pairwise(bounds):
        ends += [start + found for found in scanner.find(text[start:end]).tolist()]
    return ends


@settings(deadline=None, max_examples=500)
@given(delimited, st.lists(st.integers(0, 40), max_size=4))
def test_records_parse_alone_as_they_do_together(text, cuts):
    ends = all_ends(text, cuts)
    assert ends == all_ends(text, [])
    bounds = [0, *ends, len(text)]
    alone = [parsed(text[start:end]) for start, end in pairwise(bounds) if start < end]
    rows, ragged = [row for part in alone for row in part[0]], [row for part in alone for row in part[1]]
    assert [rows, ragged] == (parsed(text) or [[], []])


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (b'"a\nb"\nc\n', [6, 8]),
        (b'5" pipe\n6" pipe\n', [8, 16]),
        (b'"say ""hi\n"""\n', [14]),
        (b'"a" "b\nc\n', [7, 9]),
        (b"a\r\nb\rc", [2, 3, 5]),
        (b'"open\n', []),
    ],
)
def test_quotes_count_where_a_field_begins(text, ends):
    assert all_ends(text, []) == ends


def test_without_quoting_every_line_ends_a_record():
    assert RecordEnds(quoted=False).find(b'"a\nb"\n').tolist() == [3, 6]
    assert RecordEnds(quoted=False).find(b"a\nb\nc\n", start=2).tolist() == [4, 6]


TRANSPARENT = sorted(
    name
    for name in {codecs.lookup(alias).name for alias in set(encodings.aliases.aliases.values()) - {"mbcs"}}
    if is_transparent(name)
)


def test_which_encodings_can_be_cut():
    assert {"utf-8", "ascii", "cp1252", "iso8859-1", "mac-roman", "koi8-r", "shift_jis", "gb18030"} <= set(TRANSPARENT)
    assert not {"utf-16", "utf-16-le", "utf-32", "utf-7", "hz", "iso2022_jp", "cp500"} & set(TRANSPARENT)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(TRANSPARENT), st.text(alphabet=[chr(byte) for byte in [*range(256), *b'",\n\r\t' * 20]]))
def test_those_can_be_cut_behind_any_line_end(encoding, characters):
    content = characters.encode("latin-1")
    for end in RecordEnds(quoted=False).find(content).tolist():
        tail = content[end:]
        assert decode(content[:end], encoding) + tail.decode(encoding, "mark") == decode(content, encoding)
    signs = '",\n\r\t'
    assert [sign for sign in decode(content, encoding) if sign in signs] == [
        chr(byte) for byte in content if chr(byte) in signs
    ]

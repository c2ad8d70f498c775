import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from models.reading.readers import REJECTS, kept_schema, place, read
from models.reading.roles import Roles
from models.reading.source_checks import check_shares, check_source
from models.reading.sources import Source, find_source, pieces
from schemas.errors import UserError


def source(path: Path | str, *, format: str = "auto", encoding: str = "utf-8", **roles: Any) -> Source:
    return find_source(str(path), format=format, encoding=encoding, roles=Roles(**roles))


def records(found: Source) -> tuple[list[tuple[Any, ...]], list[tuple[str, int, str, str]]]:
    """Kept records without their rows, and rejects with their places."""
    kept, rejected = [], []
    before: Counter[str] = Counter()
    rows_seen = []
    for piece in pieces(found):
        rows_before = before[piece.file_key]
        assert piece.rows_before in (None, rows_before)
        for rows in read(piece, found):
            assert rows.kept.schema == kept_schema(found.roles) and rows.rejected.schema == REJECTS
            assert rows.count == len(rows.kept) + len(rows.rejected)
            kept += [tuple(row.values())[1:] for row in rows.kept.to_pylist()]
            for row, *reject in (tuple(row.values()) for row in rows.rejected.to_pylist()):
                rejected.append((*place(piece, row, rows_before, found), *reject))
            numbers = [*rows.kept["row"].to_pylist(), *rows.rejected["row"].to_pylist()]
            rows_seen += [place(piece, row, rows_before, found) for row in numbers]
            before[piece.file_key] += rows.count
    assert len(set(rows_seen)) == len(rows_seen)
    return kept, sorted(rejected)


def complaint(path: Path | str, max_reject_rate: float = 0.01, **settings: Any) -> str:
    with pytest.raises(UserError) as raised:
        check_source(source(path, **settings), max_reject_rate)
    return str(raised.value)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Reading


def test_csv_keeps_quoted_line_breaks_and_gives_a_reason_for_every_broken_record(tmp_path):
    content = (
        b'\xef\xbb\xbfid,text,label\n1,"two\nlines, one ""record""", a \n2,short\n\n3,caf\xe9,b\n4,  ,b\n5,no label,\n'
        b"6,x,y,z\xff\n7,NA,null\n8,last,\xff"
    )
    kept, rejected = records(source(write(tmp_path / "a.csv", content)))
    assert kept == [('two\nlines, one "record"', "a"), ("NA", "null")]
    assert [row[:3] for row in rejected] == [
        ("a.csv", 2, "ragged_row"),
        ("a.csv", 3, "undecodable"),
        ("a.csv", 4, "missing_text"),
        ("a.csv", 5, "missing_label"),
        ("a.csv", 6, "ragged_row"),
        ("a.csv", 8, "undecodable"),
    ]
    assert rejected[0][3] == "2,short"
    assert json.loads(rejected[1][3].replace("\\x", "\\\\x")) == {"id": "3", "text": "caf\\xe9", "label": "b"}
    assert rejected[4][3] == "6,x,y,z\\xff"


def test_csv_rows_are_numbered_right_across_blocks(tmp_path):
    lines = ["text,label"] + [f"{'word ' * 100}{i},a" if i % 1000 else "ragged" for i in range(1, 20_001)]
    kept, rejected = records(source(write(tmp_path / "a.csv", "\n".join(lines))))
    assert len(kept) == 19_980
    assert [row[1] for row in rejected] == list(range(1000, 20_001, 1000))


def test_bad_bytes_outside_text_and_label_do_not_matter(tmp_path):
    assert records(source(write(tmp_path / "a.csv", b"who,text,label\n\xff,good,a\n")))[0] == [("good", "a")]


def test_tsv_has_no_quoting(tmp_path):
    content = 'text\tlabel\n"open quote\ta\nshe said "hi"\tb\n'
    assert records(source(write(tmp_path / "a.tsv", content)))[0] == [('"open quote', "a"), ('she said "hi"', "b")]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [("mac-roman", b"caf\x8e"), ("utf-16", "café".encode("utf-16")[2:]), ("shift_jis", "ソ十,表".encode("shift_jis"))],
)
def test_csv_in_other_encodings(tmp_path, encoding, content):
    quote, header, tail = (text.encode(encoding) for text in ('"', "text,label\n", ",a\n"))
    if encoding == "utf-16":
        quote, tail = quote[2:], tail[2:]
    path = write(tmp_path / "a.csv", header + quote + content + quote + tail)
    assert records(source(path, encoding=encoding))[0] == [(content.decode(encoding), "a")]


def test_jsonl_types_and_reasons(tmp_path):
    lines = [
        '{"text": "one", "label": 1}',
        '{"text": "two", "label": true, "more": [1]}',
        '{"text": "three", "label": 2.0}',
        "",
        '{"text": "four", "label": 0.5}',
        '{"text": 5, "label": "a"}',
        '{"text": "six"',
        "[7]",
        '{"label": "a"}',
        '{"text": "ten", "label": null}',
        '{"text": "\\ud800", "label": "a"}',
        "[" * 100_000,
    ]
    kept, rejected = records(source(write(tmp_path / "a.jsonl", "\n".join(lines).encode() + b'\n{"text": "\xff"}')))
    assert kept == [("one", "1"), ("two", "true"), ("three", "2")]
    assert [row[1:3] for row in rejected] == [
        (4, "wrong_type"),
        (5, "wrong_type"),
        (6, "bad_json"),
        (7, "wrong_type"),
        (8, "missing_text"),
        (9, "missing_label"),
        (10, "undecodable"),
        (11, "bad_json"),
        (12, "undecodable"),
    ]
    assert rejected[2][3] == '{"text": "six"'


def test_parquet_by_row_group_with_labels_of_any_type(tmp_path):
    texts = pa.array(["a", "b", None, " ", "e"]).dictionary_encode()
    table = pa.table({"label": [1.0, 2.0, 1.0, 1.0, 0.5], "text": texts})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    found = source(tmp_path / "a.parquet")
    kept, rejected = records(found)
    assert kept == [("a", "1"), ("b", "2")]
    assert [row[1:3] for row in rejected] == [(3, "missing_text"), (4, "missing_text"), (5, "wrong_type")]


def test_parquet_labels_beyond_whole_numbers(tmp_path):
    labels = [1.0, float("inf"), float("-inf"), 1e30, 2.0**63, -(2.0**62), float("nan"), None]
    pq.write_table(pa.table({"text": ["x"] * len(labels), "label": labels}), tmp_path / "a.parquet")
    kept, rejected = records(source(tmp_path / "a.parquet"))
    assert kept == [("x", "1"), ("x", "-4611686018427387904")]
    assert [row[1:3] for row in rejected] == [
        *((row, "wrong_type") for row in (2, 3, 4, 5)),
        (7, "missing_label"),
        (8, "missing_label"),
    ]


def test_parquet_bytes_that_are_no_text(tmp_path):
    pq.write_table(pa.table({"text": [b"good", b"\xff"], "label": [1, 2]}), tmp_path / "a.parquet")
    kept, rejected = records(source(tmp_path / "a.parquet"))
    assert kept == [("good", "1")]
    assert rejected[0][1:] == (2, "undecodable", '{"text": "b\'\\\\xff\'", "label": 2}')


def test_folders_take_the_first_folder_as_label(tmp_path):
    for name in ("pos/1.txt", "neg/deep/2.txt", "README.txt", "neg/empty.txt", "neg/.hidden"):
        write(tmp_path / name, "" if "empty" in name else name)
    write(tmp_path / "neg/bad.txt", b"\xa3 5")
    kept, rejected = records(source(tmp_path))
    assert kept == [("neg/deep/2.txt", "neg"), ("pos/1.txt", "pos")]
    assert rejected == [
        ("README.txt", 1, "missing_label", "README.txt"),
        ("neg/bad.txt", 1, "undecodable", "\\xa3 5"),
        ("neg/empty.txt", 1, "missing_text", ""),
    ]


def test_folders_unpack_gz(tmp_path):
    for name in ("pos/1.txt.gz", "neg/2.TXT.GZ"):
        write(tmp_path / name, gzip.compress(name.encode()))
    write(tmp_path / "neg/3.txt", "plain")
    check_source(source(tmp_path, format="folders"), 0.0)
    kept, rejected = records(source(tmp_path, format="folders"))
    assert kept == [("neg/2.TXT.GZ", "neg"), ("plain", "neg"), ("pos/1.txt.gz", "pos")]
    assert rejected == []


def test_zst_is_unpacked_and_a_cut_one_noticed(tmp_path):
    content = zstandard.ZstdCompressor().compress(b"text,label\n" + b"good,a\n" * 1000)
    path = write(tmp_path / "a.csv.zst", content)
    check_source(source(path), 0.0)
    assert len(records(source(path))[0]) == 1000
    write(path, content[:-5])
    with pytest.raises(UserError, match=r"a\.csv\.zst cannot be unpacked: .* Expected a whole zstd file"):
        records(source(path))


def test_columns_that_nobody_asked_for_may_have_one_name(tmp_path):
    path = write(tmp_path / "a.csv", "x,text,x,label,\n1,good,2,a,\n")
    check_source(source(path), 0.0)
    assert records(source(path))[0] == [("good", "a")]


def test_gz_in_capital_letters_is_unpacked_too(tmp_path):
    path = write(tmp_path / "UP.CSV.GZ", gzip.compress(b"text,label\ngood,a\n"))
    check_source(source(path), 0.0)
    assert records(source(path))[0] == [("good", "a")]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz"])
def test_gz_that_ends_early_stops_the_step_with_advice(tmp_path, name):
    lines = "text,label\n" + "good,a\n" * 100 if "csv" in name else '{"text": "good", "label": "a"}\n' * 100
    path = write(tmp_path / name, gzip.compress(lines.encode())[:-9])
    with pytest.raises(UserError, match=rf"{name} cannot be unpacked: .* Expected a whole gzip file.*copy it again"):
        records(source(path))


def test_an_unclosed_quote_is_explained(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\ngood,a\n"open,a\n' + "word,a\n" * 2_000_000)
    with pytest.raises(UserError, match=r"a\.csv cannot be parsed as csv: .* begins '\"open,a\n(.|\n)*never closed"):
        records(source(path))
    path = write(tmp_path / "b.csv", 'text,label\r"open,a\rword,a\r')
    with pytest.raises(UserError, match=r"b\.csv cannot be parsed as csv"):
        records(source(path))
    path = write(tmp_path / "b.csv", 'text,label\ngood,a\n"cut off')
    assert records(source(path)) == ([("good", "a")], [("b.csv", 2, "unclosed_quote", '"cut off')])


# Finding


def test_a_folder_of_data_files_is_not_taken_for_labels(tmp_path):
    write(tmp_path / "x/a.csv", "text,label\na,b\n")
    assert source(tmp_path).format == "csv"
    assert source(tmp_path / "**/*.csv").format == "csv"


def test_format_that_cannot_be_told(tmp_path):
    write(tmp_path / "a.txt", "x")
    with pytest.raises(UserError, match=r"format: cannot tell the format from 'a\.txt'.*\.jsonl.*Set format:"):
        source(tmp_path / "a.txt")
    write(tmp_path / "b.csv", "x")
    with pytest.raises(UserError, match=r"from 'a\.txt', 'b\.csv'"):
        source(tmp_path / "*")


@pytest.mark.parametrize("encoding", ["utf8-8", "base64"])
def test_unknown_encoding(tmp_path, encoding):
    with pytest.raises(UserError, match=f"no text encoding '{encoding}'.*latin-1"):
        source(write(tmp_path / "a.csv", "x"), encoding=encoding)


# The first look


def test_missing_column_names_the_others_and_guesses(tmp_path):
    path = write(tmp_path / "a.csv", "txt,sentiment\na,b\n")
    assert "a.csv has no column 'text'. Did you mean 'txt'? It has: txt, sentiment. Set text:" in complaint(path)
    assert "label: a.csv has no column 'label'" in complaint(path, text="txt")
    assert "expects a comma between columns" in complaint(write(tmp_path / "b.csv", "text;label\na;b\n"))
    assert "has 2 columns 'text'" in complaint(write(tmp_path / "c.csv", "text,text,label\na,b,c\n"))
    assert "both 'text'" in complaint(path, label=("text",))


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({"text": None}, "ingest_examples: no column has anything to learn from. Set text:, numeric: or categorical:"),
        ({"text": None, "numeric": ("n",), "text_pair": "other"}, ".text_pair: 'other' is the second of two texts"),
        ({"label": ("a", "b")}, ".label: 2 columns (a, b) for label_kind class. Expected one"),
        ({"label_separator": "|"}, ".label_separator: '|' has nothing to cut"),
        ({"label_separator": "", "label_kind": "classes"}, ".label_separator: '' has nothing to cut"),
        ({"numeric": ("label",)}, ".numeric: label and numeric are both 'label'. Expected two columns"),
        ({"numeric": ("n",), "categorical": ("n",)}, ".categorical: numeric and categorical are both 'n'"),
        ({"text_pair": "text"}, ".text_pair: text and text_pair are both 'text'"),
        ({"id": "n", "categorical": ("n",)}, ".categorical: id and categorical are both 'n'"),
        ({"slices": ("n", "n")}, ".slices: 'n' is named twice"),
        ({"weight": "wait"}, ".weight: a.csv has no column 'wait'. It has: text, label, other, a, b, n, height"),
    ],
)
def test_roles_that_contradict_each_other(tmp_path, roles, words):
    path = write(tmp_path / "a.csv", "text,label,other,a,b,n,height\n1,2,3,4,5,6,7\n")
    assert words in complaint(path, **roles)


def test_a_column_to_evaluate_by_may_have_another_role(tmp_path):
    path = write(tmp_path / "a.csv", "text,label,n,c\nx,a,1,b\n")
    check_source(source(path, numeric=("n",), categorical=("c",), group="c", slices=("n", "c", "label")), 0.0)


def test_folders_have_no_other_columns(tmp_path):
    write(tmp_path / "pos/1.txt", "x")
    write(tmp_path / "neg/1.txt", "x")
    for role, roles in (("id", {"id": "key"}), ("label_kind", {"label_kind": "value"}), ("text", {"text": None})):
        numeric = () if roles.get("text", "text") else ("n",)
        words = "numeric" if numeric else role
        assert f"ingest_examples.{words}: format folders has one text a file" in complaint(
            tmp_path, numeric=numeric, **roles
        )
    check_source(source(tmp_path, label=()), 0.0)
    assert records(source(tmp_path, label=()))[0] == [("x",), ("x",)]


def test_messages_name_the_component_and_the_parameter(tmp_path):
    asked = {"format": "auto", "encoding": "utf-8", "roles": Roles(), "wanted_by": "predict", "parameter": "rows"}
    with pytest.raises(UserError, match=r"^predict\.rows: a\.csv is empty"):
        check_source(find_source(str(write(tmp_path / "a.csv", "")), **asked), 0.0)
    with pytest.raises(UserError, match=r"^predict\.rows: 'none\.csv' does not exist"):
        find_source("none.csv", **asked)


def test_a_rare_key_of_jsonl_may_come_late(tmp_path):
    lines = [json.dumps({"text": "x", "label": "a"})] * 500 + [json.dumps({"text": "x", "label": "a", "age": 1})]
    path = write(tmp_path / "a.jsonl", "\n".join(lines))
    check_source(source(path, numeric=("age",)), 0.0)
    assert "has no column 'agee'. Did you mean 'age'?" in complaint(path, numeric=("agee",))


def test_every_file_of_a_glob_is_looked_at(tmp_path):
    write(tmp_path / "a.csv", "text,label\na,b\n")
    write(tmp_path / "b.csv", "text,lable\na,b\n")
    assert "b.csv has no column 'label'. Did you mean 'lable'?" in complaint(tmp_path / "*.csv")


def test_empty_and_header_only(tmp_path):
    assert "a.csv is empty" in complaint(write(tmp_path / "a.csv", ""))
    assert "b.csv has only a header" in complaint(write(tmp_path / "b.csv", "text,label\n\n"))
    write(tmp_path / "c.csv", "text,label")
    assert "all 2 files have only a header" in complaint(tmp_path / "[bc].csv")


def test_a_first_record_may_be_long(tmp_path):
    text = "word " * 100_000 + "end"
    path = write(tmp_path / "a.csv", f'text,label\n"{text}",a\n')
    check_source(source(path), 0.0)
    assert records(source(path))[0] == [(text, "a")]


@pytest.mark.parametrize("packed", [False, True])
def test_gz_that_is_none_or_cut_off(tmp_path, packed):
    content = b"text,label\ngood,a\n"
    message = complaint(write(tmp_path / "a.csv.gz", gzip.compress(content)[:20] if packed else content))
    assert "a.csv.gz cannot be unpacked: " in message
    assert "Expected a whole gzip file" in message


@pytest.mark.parametrize("settings", [{"format": "csv"}, {"format": "jsonl"}, {"format": "folders"}])
def test_unreadable_files_are_refused(tmp_path, monkeypatch, settings):
    path = write(tmp_path / "a.csv", "text,label\ngood,a\n")

    def denied(*_: object) -> None:  # the tests may run as root, who may read everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    message = complaint(path, **settings)
    assert f"{path} cannot be read: Permission denied. Expected a file that you may read" in message


def test_wrong_encoding_shows_what_others_make_of_it(tmp_path):
    path = write(tmp_path / "a.csv", b"text,label\n" + b"don\xd5t\x81,a\nfine,b\n" * 20)
    message = complaint(path)
    assert "a.csv has 20 lines that are not valid utf-8, of 42 looked at" in message
    assert "reads 'don\\xd5t\\x81,a'" in message
    assert "mac-roman gives 'don’tÅ,a'; latin-1 gives 'donÕt\x81,a'" in message
    assert "cp1252" not in message
    check_source(source(path, encoding="mac-roman"), 0.01)
    check_source(source(path), 0.6)


def test_a_few_bad_lines_are_left_to_rejects(tmp_path):
    check_source(source(write(tmp_path / "a.csv", b"text,label\n\xff,a\n" + b"fine,b\n" * 200)), 0.01)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf16_is_recognised_with_and_without_mark(tmp_path, encoding):
    path = write(tmp_path / "a.csv", "text,label\ngood,a\n".encode(encoding))
    assert f"Set encoding: {encoding}." in complaint(path)
    check_source(source(path, encoding=encoding), 0.01)


def test_utf16_is_recognised_inside_gz(tmp_path):
    path = write(tmp_path / "a.csv.gz", gzip.compress("text,label\ngood,a\n".encode("utf-16")))
    assert "Set encoding: utf-16." in complaint(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"text,label\ngood,a\n"), "which is a gzip file, not csv. Add .gz to its name"),
        (b"PAR1\0\0", "which is a Parquet file, not csv. Set format: parquet"),
        (b"PK\x03\x04\0\0", "a zip archive or a spreadsheet"),
    ],
)
def test_files_that_are_no_text_are_recognised(tmp_path, content, words):
    assert f"ingest_examples.source: a.csv begins with {content[:8].hex(' ')}, " in complaint(
        write(tmp_path / "a.csv", content)
    )
    assert words in complaint(tmp_path / "a.csv")


def test_zeros_alone_are_not_taken_for_utf16(tmp_path):
    content = b"text,label\n" + b"a\0\0\0b,a\n" * 30
    check_source(source(write(tmp_path / "a.csv", content)), 0.0)


def test_utf8_byte_order_mark_is_accepted(tmp_path):
    check_source(source(write(tmp_path / "a.csv", b"\xef\xbb\xbftext,label\ngood,a\n")), 0.01)


def test_folder_with_one_label(tmp_path):
    write(tmp_path / "pos/1.txt", "x")
    write(tmp_path / "README", "x")
    assert "has 1 label folders (pos). Expected at least two" in complaint(tmp_path, format="folders")


def test_jsonl_that_is_none(tmp_path):
    assert "JSON object; the first is '['" in complaint(write(tmp_path / "a.jsonl", "[\n1,\n2\n]\n"))
    assert "no column 'text'. It has: body, label" in complaint(
        write(tmp_path / "b.jsonl", '{"body": "x", "label": 1}')
    )


def test_parquet_that_is_none_or_has_the_wrong_types(tmp_path):
    assert "a.parquet cannot be read as Parquet: " in complaint(write(tmp_path / "a.parquet", "text,label\n"))
    pq.write_table(pa.table({"text": [1], "label": ["a"]}), tmp_path / "b.parquet")
    assert "column 'text' of b.parquet has type int64. Expected strings" in complaint(tmp_path / "b.parquet")
    pq.write_table(
        pa.table({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}), tmp_path / "c.parquet"
    )
    assert "c.parquet has no records" in complaint(tmp_path / "c.parquet")


def test_shares_must_leave_something_to_train_on():
    with pytest.raises(UserError, match=r"eval_share 0\.5 and test_share 0\.5 leave nothing"):
        check_shares(0.5, 0.5)

"""Packed, binary and missing files, and folders with more in them than data."""

import gzip
import io
import os
import struct

import fastavro
import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

pytestmark = pytest.mark.slow

SKY, SNOW, RAIN = "the sky was red", "snow fell all night", "rain in may"
BOTH = {"kept": [SKY, SNOW], "label": ["positive", "negative"], "rejected": {}}
CSV = f"text,label\n{SKY},positive\n{SNOW},negative\n"
MANY_ROWS = "text,label\n" + "".join(f"text number {i} is {i * 7919 % 1000},{'ab'[i % 2]}\n" for i in range(100_000))
TABLE = pa.table({"text": [SKY, SNOW], "label": ["positive", "negative"]})


def written(name, content):
    """A function that writes a file of that name."""

    def write(folder):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# Packed files


def packed_twice(folder):
    return written("two.csv.gz", gzip.compress(CSV[:20].encode()) + gzip.compress(CSV[20:].encode()))(folder)


def gzip_with_a_changed_byte(folder):
    content = bytearray(gzip.compress(MANY_ROWS.encode()))
    content[-6] ^= 0xFF  # in the checksum
    return written("changed.csv.gz", bytes(content))(folder)


# Parquet


def parquet(table, **options):
    def write(folder):
        path = folder / "data.parquet"
        pq.write_table(table, path, **options)
        return path

    return write


def parquet_bytes(table):
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="none", use_dictionary=False)
    return stream.getvalue()


def parquet_with_broken_pages(folder):
    content = bytearray(parquet_bytes(TABLE))
    content[4:40] = b"\xff" * 36
    return written("pages.parquet", bytes(content))(folder)


# Avro and TFRecord


def avro_bytes(records=None, schema=None):
    fields = [{"name": name, "type": ["null", "string"]} for name in ("text", "label")]
    stream = io.BytesIO()
    fastavro.writer(
        stream,
        schema or {"type": "record", "name": "Review", "fields": fields},
        records or [{"text": SKY, "label": "positive"}, {"text": SNOW, "label": "negative"}],
    )
    return stream.getvalue()


def masked(content):
    checksum = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def framed(record):
    length = struct.pack("<Q", len(record))
    return length + struct.pack("<I", masked(length)) + record + struct.pack("<I", masked(record))


def field(number, content):
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def example(**values):
    """A tf.train.Example of strings, as its bytes."""
    entries = [field(1, name.encode()) + field(2, field(1, field(1, value.encode()))) for name, value in values.items()]
    return field(1, b"".join(field(1, entry) for entry in entries))


SKY_EXAMPLE, SNOW_EXAMPLE = example(text=SKY, label="positive"), example(text=SNOW, label="negative")
TWO = framed(SKY_EXAMPLE) + framed(SNOW_EXAMPLE)


# Folders


def label_folders(folder, **more):
    """Two labels with a file each, and `more` files by their paths."""
    files = {"positive/1.txt": SKY, "negative/1.txt": SNOW, **more}
    for name, content in files.items():
        written(name, content)(folder / "data")
    return folder / "data"


def files_at_the_root(folder):
    return label_folders(folder, README="about these data")


def hidden_files(folder):
    return label_folders(folder, **{".DS_Store": b"\0\1", "positive/.1.txt.swp": b"\0", ".git/config": "x"})


def nested_folders(folder):
    return label_folders(folder, **{"positive/2024/may/2.txt": RAIN})


def empty_texts(folder):
    return label_folders(folder, **{"positive/2.txt": "", "negative/2.txt": " \n"})


def pictures_among_texts(folder):
    return label_folders(folder, **{"positive/2.jpg": b"\xff\xd8\xff\xe0" + bytes(range(128, 256))})


def huge_text(folder):
    return label_folders(folder, **{"positive/2.txt": "word " * (2 << 20)})


def one_label(folder):
    written("positive/1.txt", SKY)(folder / "data")
    return folder / "data"


def empty_folder(folder):
    (folder / "data" / "positive").mkdir(parents=True)
    return folder / "data"


def odd_names(folder):
    label_folders(folder, **{"positive/näme [1] 'x' #%?.txt": RAIN, "negative/line\nbreak.txt": "fog"})
    return folder / "data"


def name_that_is_no_text(folder):
    root = label_folders(folder)
    (root / "positive" / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"\xff")
    return root


def dangling_link(folder):
    root = label_folders(folder)
    (root / "positive" / "2.txt").symlink_to(root / "nowhere.txt")
    return root


def csv_folder(**files):
    def write(folder):
        for name, content in files.items():
            written(name, content)(folder / "data")
        return folder / "data"

    return write


def unreadable(folder):
    path = written("secret.csv", CSV)(folder)
    path.chmod(0)
    return path


def folder_named_csv(folder):
    (folder / "data.csv").mkdir()
    return folder / "data.csv"


def odd_csv_name(folder):
    return written("a [1] *?%20#, 'quoted' ü.csv", CSV)(folder)


CASES = {
    # Packed
    "gzip": (written("good.csv.gz", gzip.compress(CSV.encode())), {}, BOTH),
    "gzip in two parts": (packed_twice, {}, BOTH),
    "gzip cut short": (
        written("cut.csv.gz", gzip.compress(MANY_ROWS.encode())[:-2000]),
        {},
        ["cut.csv.gz cannot be unpacked", "gzip", "copy it again"],
    ),
    "gzip cut within the header": (
        written("cut.csv.gz", gzip.compress(CSV.encode())[:5]),
        {},
        "cut.csv.gz cannot be unpacked",
    ),
    "gzip with a wrong checksum": (gzip_with_a_changed_byte, {}, "changed.csv.gz cannot be unpacked"),
    "not gzip": ("not_packed.csv.gz", {}, ["not_packed.csv.gz cannot be unpacked", "take .gz off"]),
    "no bytes of gzip": ("empty.csv.gz", {}, "empty.csv.gz is empty"),
    "zstd": (written("good.csv.zst", zstandard.compress(CSV.encode())), {}, BOTH),
    "zstd cut short": (
        written("cut.csv.zst", zstandard.compress(MANY_ROWS.encode())[:-2000]),
        {},
        ["cut.csv.zst cannot be unpacked", "zstd"],
    ),
    "not zstd": ("not_packed.csv.zst", {}, ["not_packed.csv.zst cannot be unpacked", "take .zst off"]),
    # Parquet
    "not Parquet": ("not.parquet", {}, "not.parquet cannot be read as Parquet"),
    "no bytes of Parquet": ("empty.parquet", {}, "empty.parquet is empty"),
    "Parquet cut short": (
        written("cut.parquet", parquet_bytes(TABLE)[:-10]),
        {},
        "cut.parquet cannot be read as Parquet",
    ),
    "Parquet with a broken footer": (
        written("footer.parquet", parquet_bytes(TABLE)[:-60] + b"\xff" * 52 + parquet_bytes(TABLE)[-8:]),
        {},
        "footer.parquet cannot be read as Parquet",
    ),
    "Parquet with broken pages": (parquet_with_broken_pages, {}, "pages.parquet cannot be read as Parquet"),
    "Parquet without rows": (parquet(TABLE.slice(0, 0)), {}, "data.parquet has no records"),
    "Parquet without the column": (parquet(TABLE.drop_columns(["text"])), {}, ["data.parquet has no column 'text'"]),
    "Parquet with a column twice": (
        parquet(pa.table([[SKY], [SNOW], ["positive"]], names=["text", "text", "label"])),
        {},
        ["data.parquet has 2 columns 'text'"],
    ),
    "Parquet with lists for texts": (
        parquet(pa.table({"text": [[SKY], [SNOW]], "label": ["a", "b"]})),
        {},
        ["column 'text' of data.parquet has type list<", "Expected strings"],
    ),
    "Parquet with structs for labels": (
        parquet(pa.table({"text": [SKY, SNOW], "label": [{"x": 1}, {"x": 2}]})),
        {},
        ["column 'label' of data.parquet has type struct<"],
    ),
    "Parquet with dates for numbers": (
        parquet(TABLE.append_column("age", pa.array([1, 2], pa.timestamp("s")))),
        {"numeric": ["age"]},
        ["column 'age' of data.parquet has type timestamp"],
    ),
    "Parquet with labels that have gaps": (
        parquet(pa.table({"text": [SKY, SNOW, RAIN, "fog", "hail"], "label": [1.0, 0.0, None, float("nan"), 0.5]})),
        {},
        {"kept": [SKY, SNOW], "label": ["1", "0"], "rejected": {"missing_label": 2, "wrong_type": 1}},
    ),
    "Parquet with numbers that are none": (
        parquet(
            pa.table(
                {
                    "text": [SKY, SNOW, RAIN, "fog", "hail"],
                    "label": ["a", "b", "a", "b", "a"],
                    "age": [1.0, float("nan"), None, float("inf"), float("-inf")],
                }
            )
        ),
        {"numeric": ["age"]},
        {"kept": [SKY, SNOW, RAIN], "numeric/age": [1.0, None, None], "rejected": {"not_finite": 2}},
    ),
    "Parquet with bytes for texts": (
        parquet(pa.table({"text": [SKY.encode(), b"caf\xe9", SNOW.encode(), None], "label": pa.array([1, 2, 0, 1])})),
        {},
        {"kept": [SKY, SNOW], "label": ["1", "0"], "rejected": {"undecodable": 1, "missing_text": 1}},
    ),
    "Parquet with categories for labels": (
        parquet(TABLE.set_column(1, "label", TABLE["label"].dictionary_encode()), row_group_size=1),
        {},
        BOTH,
    ),
    # Avro
    "Avro": (written("good.avro", avro_bytes()), {}, BOTH),
    "not Avro": ("not.avro", {}, ["not.avro cannot be read as Avro"]),
    "no bytes of Avro": ("empty.avro", {}, "empty.avro is empty"),
    "Avro cut short": (written("cut.avro", avro_bytes()[:-20]), {}, "cut.avro cannot be read as Avro"),
    "Avro with a wrong sync marker": (
        written("sync.avro", avro_bytes()[:-16] + b"\0" * 16),
        {},
        "sync.avro cannot be read as Avro",
    ),
    "Avro without the column": (
        written(
            "other.avro",
            avro_bytes(
                [{"body": SKY}], {"type": "record", "name": "R", "fields": [{"name": "body", "type": "string"}]}
            ),
        ),
        {},
        ["other.avro has no column 'text'", "body"],
    ),
    "Avro with gaps": (
        written(
            "gaps.avro",
            avro_bytes(
                [
                    {"text": SKY, "label": "a"},
                    {"text": None, "label": "b"},
                    {"text": SNOW, "label": "b"},
                    {"text": RAIN, "label": None},
                ]
            ),
        ),
        {},
        {"kept": [SKY, SNOW], "rejected": {"missing_text": 1, "missing_label": 1}},
    ),
    # TFRecord
    "TFRecord": (written("good.tfrecord", TWO), {}, BOTH),
    "not TFRecord": ("not.tfrecord", {}, ["not.tfrecord cannot be read as TFRecord"]),
    "no bytes of TFRecord": ("empty.tfrecord", {}, "empty.tfrecord is empty"),
    "TFRecord cut short": (written("cut.tfrecord", TWO[:-3]), {}, "cut.tfrecord cannot be read as TFRecord"),
    "TFRecord with a changed byte": (
        written("changed.tfrecord", TWO.replace(b"snow fell", b"slow fell")),
        {},
        ["changed.tfrecord cannot be read as TFRecord", "corrupted record at 82"],
    ),
    "TFRecord of something else": (
        written(
            "other.tfrecord", framed(SKY_EXAMPLE) + framed(b"\xff\xff no example") + framed(b"") + framed(SNOW_EXAMPLE)
        ),
        {},
        {"kept": [SKY, SNOW], "rejected": {"bad_example": 1, "missing_text": 1}},
    ),
    "TFRecord without the column": (
        written("columns.tfrecord", framed(example(body=SKY, label="a")) + framed(example(body=SNOW, label="b"))),
        {},
        ["columns.tfrecord has no column 'text'", "body"],
    ),
    # Folders and names
    "files at the root": (files_at_the_root, {}, BOTH | {"rejected": {"missing_label": 1}}),
    "hidden files": (hidden_files, {}, BOTH),
    "folders in folders": (
        nested_folders,
        {},
        {"kept": [SKY, SNOW, RAIN], "label": ["positive", "negative", "positive"]},
    ),
    "empty texts": (empty_texts, {}, BOTH | {"rejected": {"missing_text": 2}}),
    "pictures among texts": (
        pictures_among_texts,
        {"format": "folders", "max_reject_rate": 0.5},
        BOTH | {"rejected": {"undecodable": 1}},
    ),
    "a 10 MB text": (huge_text, {}, BOTH | {"rejected": {"too_large": 1}}),
    "one folder": (one_label, {}, ["1 label folders (positive)", "at least two sub-folders"]),
    "no files": (empty_folder, {}, "data"),
    "odd names": (odd_names, {}, {"kept": [SKY, SNOW, RAIN, "fog"], "rejected": {}}),
    "a name that is no text": (name_that_is_no_text, {"max_reject_rate": 0.5}, BOTH | {"rejected": {"undecodable": 1}}),
    "a link to nowhere": (dangling_link, {}, ["2.txt", "cannot be read"]),
    "nothing": (lambda folder: folder / "nowhere.csv", {}, ["nowhere.csv", "does not exist"]),
    "a glob for nothing": (lambda folder: folder / "*.csv", {}, ["*.csv"]),
    "a folder by the name of a file": (folder_named_csv, {}, "data.csv"),
    "a file with an odd name": (odd_csv_name, {}, BOTH),
    "files with different columns": (
        csv_folder(**{"a.csv": CSV, "b.csv": CSV.replace("text", "body")}),
        {},
        ["b.csv has no column 'text'"],
    ),
    "files with columns in another order": (
        csv_folder(**{"a.csv": CSV, "b.csv": f"label,more,text\npositive,x,{RAIN}\n"}),
        {},
        {"kept": [SKY, SNOW, RAIN], "label": ["positive", "negative", "positive"]},
    ),
    "an empty file among others": (csv_folder(**{"a.csv": CSV, "b.csv": ""}), {}, ["b.csv is empty"]),
    "files of two formats": (
        csv_folder(**{"a.csv": CSV, "b.jsonl": "{}\n"}),
        {},
        ["cannot tell the format from 'a.csv', 'b.jsonl'"],
    ),
}


@pytest.mark.parametrize(("source", "parameters", "expected"), CASES.values(), ids=CASES)
def test_files(source, parameters, expected, assert_outcome):
    assert_outcome(source, parameters, expected)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(assert_outcome):
    assert_outcome(unreadable, {}, ["secret.csv cannot be read", "permissions"])

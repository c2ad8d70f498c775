"""Files behind URLs, with a file system of our own: `toy://` is a folder on this machine. No network."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.base import Outside
from models.reading import remote_files
from models.reading.readers import read
from models.reading.roles import Roles
from models.reading.source_checks import check_source
from models.reading.sources import Source, find_source, pieces
from pipeline.store import Store
from schemas.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """The folder that `toy://` is; a file named `denied` in it cannot be opened."""
    from apache_beam.io.filesystem import FileMetadata, FileSystem

    root = tmp_path_factory.mktemp("toy")

    def local(url: str) -> Path:
        return root / url.removeprefix("toy://")

    class ToyFileSystem(FileSystem):
        @classmethod
        def scheme(cls) -> str:
            return "toy"

        def has_dirs(self) -> bool:
            return False

        def _list(self, prefix: str) -> Any:
            if "forbidden" in prefix:
                raise PermissionError("no credentials")
            files = (f"toy://{path.relative_to(root).as_posix()}" for path in root.rglob("*") if path.is_file())
            return (self.metadata(url) for url in files if url.startswith(prefix))

        def exists(self, path: str) -> bool:
            return local(path).is_file()

        def metadata(self, path: str) -> Any:
            stat = local(path).stat()
            return FileMetadata(path, stat.st_size, stat.st_mtime)

        def checksum(self, path: str) -> str:
            return str(hash(local(path).read_bytes()))

        def open(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
            assert compression_type == "uncompressed"
            if path.endswith("denied.csv"):
                raise RuntimeError("403 no")
            return local(path).open("rb")

        def _refuse(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("sources are only read")

        size = last_updated = create = mkdirs = copy = rename = delete = join = split = _refuse

    yield root
    del ToyFileSystem


def source(location: str, **settings: Any) -> Source:
    return find_source(location, format=settings.pop("format", "auto"), encoding="utf-8", roles=Roles(**settings))


def texts(found: Source) -> list[str]:
    check_source(found, 0.0)
    return [row["text"] for piece in pieces(found) for rows in read(piece, found) for row in rows.kept.to_pylist()]


def test_every_format_is_read(toy, monkeypatch):
    monkeypatch.setattr("models.reading.byte_ranges.PIECE_BYTES", 1000)
    monkeypatch.setattr("models.reading.byte_ranges.SCAN_BYTES", 300)
    rows = [f'text "{i}"\nmore' for i in range(200)]
    quoted = [text.replace('"', '""') for text in rows]
    content = "text,label\n" + "".join(f'"{text}",a\n' for text in quoted)
    (toy / "all").mkdir()
    (toy / "all" / "a.csv").write_text(content)
    (toy / "all" / "b.csv.gz").write_bytes(gzip.compress(content.encode()))
    (toy / "c.jsonl").write_text("".join(json.dumps({"text": text, "label": "a"}) + "\n" for text in rows))
    pq.write_table(pa.table({"text": rows, "label": ["a"] * 200}), toy / "d.parquet", row_group_size=50)
    for location in ("toy://all/a.csv", "toy://all/b.csv.gz", "toy://c.jsonl", "toy://d.parquet"):
        assert texts(source(location)) == rows
    assert len(list(pieces(source("toy://all/a.csv")))) > 3
    assert texts(source("toy://all")) == rows * 2


def test_avro_and_tfrecord(toy):
    import fastavro
    import tensorflow as tf

    schema = {"type": "record", "name": "r", "fields": [{"name": name, "type": "string"} for name in ("text", "label")]}
    with (toy / "a.avro").open("wb") as file:
        fastavro.writer(file, schema, [{"text": "x", "label": "a"}])
    assert texts(source("toy://a.avro")) == ["x"]
    feature = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"v"])) for name in ("text", "label")}
    with tf.io.TFRecordWriter(str(toy / "a.tfrecord")) as writer:
        writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    assert texts(source("toy://a.tfrecord")) == ["v"]


def test_globs_folders_and_names(toy):
    for name in ("g/x.csv", "g/deep/y.csv", "g/.hidden/z.csv", "g/pos/1.txt", "g/neg/2.txt"):
        (toy / name).parent.mkdir(parents=True, exist_ok=True)
        (toy / name).write_text("text,label\nx,a\n")
    names = lambda found: [found.name(file) for file in found.files]  # noqa: E731
    assert names(source("toy://g/*.csv")) == ["x.csv"]
    assert names(source("toy://g/**/[xy].csv")) == ["deep/y.csv", "x.csv"]
    assert names(source("toy://g", format="csv")) == ["deep/y.csv", "neg/2.txt", "pos/1.txt", "x.csv"]
    folders = source("toy://g/", format="folders")
    assert [folders.label_of(file) for file in folders.files] == ["deep", "neg", "pos", None]


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("toy://none.csv", "'toy://none.csv' matches no file"),
        ("toy://none*.csv", "matches no file"),
        ("toy://forbidden/*", "cannot be looked at: .*no credentials.*check the spelling, your credentials"),
        ("martian://a.csv", "needs a file system for martian://, which is not installed here"),
        ("hdfs://a/b.csv", r"pip install 'apache-beam\[hadoop\]'"),
    ],
)
def test_what_is_said_of_places_that_cannot_be_read(toy, location, words):
    with pytest.raises(UserError, match=rf"^ingest_examples.source: .*{words}"):
        source(location)


def test_a_file_that_may_not_be_opened(toy):
    (toy / "denied.csv").write_text("text,label\nx,a\n")
    with pytest.raises(UserError, match=r"toy://denied\.csv cannot be read: 403 no\. Expected a file that you may"):
        texts(source("toy://denied.csv"))


def test_gs_without_its_extra(monkeypatch):
    from apache_beam.io.filesystems import FileSystems

    def missing(_: str) -> None:
        raise ValueError("no such scheme")

    monkeypatch.setattr(FileSystems, "get_filesystem", missing)
    with pytest.raises(UserError, match=r"needs a file system for gs://.*pip install 'modelmill\[gcp\]'"):
        source("gs://bucket/a.csv")


def test_the_digest_follows_the_files(toy, tmp_path):
    store = Store(tmp_path / "store")

    def digest() -> str:
        return store.outside_digest("toy://digest/*.csv", Outside(), "ingest_examples.source")

    (toy / "digest").mkdir()
    (toy / "digest" / "a.csv").write_text("1")
    first = digest()
    assert digest() == first
    (toy / "digest" / "b.csv").write_text("1")
    second = digest()
    (toy / "digest" / "b.csv").write_text("2")
    assert len({first, second, digest()}) == 3


def test_a_vocabulary_must_be_here():
    from schemas.locations import find_files

    with pytest.raises(UserError, match=r"'gs://bucket/vocab\.txt' is a URL. Expected something on this machine"):
        find_files("gs://bucket/vocab.txt", wanted_by="tokenize_examples.vocabulary")


def test_remote_files_are_found_with_size_and_time(toy):
    (toy / "one.csv").write_text("12345")
    (found,) = remote_files.find("toy://one.csv", wanted_by="x")
    assert (found.location, found.size) == ("toy://one.csv", 5) and found.updated > 1.7e9

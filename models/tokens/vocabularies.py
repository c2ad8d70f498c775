"""WordPiece vocabularies: where they come from and what BERT needs of them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from models.presets import check_is_bert, locate
from schemas.errors import UserError, did_you_mean

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
MASK = "[MASK]"


def load_vocabulary(source: str, *, wanted_by: str) -> tuple[list[str], bool]:
    """WordPieces and whether to fold case, of a `vocab.txt` file or of any preset KerasHub can read.

    A file does not say whether it is for folded text; it is if none of its words holds a capital.

    Raises:
        UserError: the preset is no BERT, has no tokenizer, or cannot be had.
    """
    if Path(source).is_file():
        vocabulary = read_vocabulary(Path(source))
        return vocabulary, not any(token.lower() != token for token in vocabulary if not token.startswith("["))

    import keras_hub

    try:
        tokenizer = keras_hub.models.BertTokenizer.from_preset(source)
    # Hubs and file formats raise dozens of types, and all of them are about what the user named.
    except Exception as error:
        hint = did_you_mean(source, list(keras_hub.models.BertTokenizer.presets))
        raise UserError(
            f"{wanted_by}: '{source}' gives no BERT tokenizer.{hint} Expected a vocab.txt, a folder with a KerasHub "
            f"or Hugging Face BERT and its vocabulary, a KerasHub preset name, or a handle such as hf://user/model.\n"
            f"{type(error).__name__}: {str(error)[:500]}"
        ) from error
    return list(tokenizer.get_vocabulary()), bool(tokenizer.lowercase)


def check_source(source: str, *, wanted_by: str) -> None:
    """Look at a local preset or `vocab.txt`, cheaply; raises UserError. What only a hub knows is not looked at."""
    place = Path(locate(source, wanted_by=wanted_by))
    if place.is_file():
        check_vocabulary(read_vocabulary(place))
    elif place.is_dir():
        check_is_bert(place, wanted_by=wanted_by)


def check_vocabulary(vocabulary: Sequence[str]) -> None:
    """Refuse a vocabulary that BERT cannot use.

    >>> check_vocabulary(["[PAD]", "[UNK]", "[CLS]", "good"])
    Traceback (most recent call last):
    schemas.errors.UserError: The vocabulary (4 entries) lacks [SEP]. BERT needs [PAD] [UNK] [CLS] [SEP].
    """
    missing = [token for token in SPECIAL_TOKENS if token not in vocabulary]
    if missing:
        raise UserError(
            f"The vocabulary ({len(vocabulary)} entries) lacks {', '.join(missing)}. "
            f"BERT needs {' '.join(SPECIAL_TOKENS)}."
        )
    repeated = [token for token, count in Counter(vocabulary).items() if count > 1]
    if repeated:
        raise UserError(
            f"The vocabulary ({len(vocabulary)} entries) has entries more than once: "
            f"{', '.join(map(repr, repeated[:5]))}. Each line must be different, since its number is the id."
        )


def read_vocabulary(path: Path) -> list[str]:
    """The WordPieces of a `vocab.txt`: one a line, the line number is the id."""
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")

"""Ask a published model from the command line."""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import UserError


@dataclass(frozen=True)
class Answer:
    """One text's label and its probability."""

    text: str
    label: str
    score: float

    def as_json(self) -> str:
        """One JSON line."""
        return json.dumps(vars(self), ensure_ascii=False)


def newest_version(folder: Path) -> Path:
    """The SavedModel in a folder: itself, or its version with the highest number.

    Raises:
        UserError: there is none.
    """
    versions = [path for path in folder.iterdir() if path.name.isdigit() and (path / "saved_model.pb").is_file()]
    if (folder / "saved_model.pb").is_file():
        return folder
    if not versions:
        raise UserError(
            f"{folder} holds no SavedModel and no numbered versions of one. Give the folder that push_model wrote."
        )
    return max(versions, key=lambda path: int(path.name))


def predictions(folder: Path, texts: Sequence[str]) -> Iterator[Answer]:
    """Load the SavedModel and answer every text, in order."""
    with _no_greetings():
        from models import serving

    labels, scores = serving.predict(serving.load(folder), texts)
    for text, label, row in zip(texts, labels, scores, strict=True):
        yield Answer(text, str(label), float(max(row)))


@contextlib.contextmanager
def _no_greetings() -> Iterator[None]:
    """Keep what TensorFlow's libraries print while they load off the screen; errors are exceptions and still come."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    screen = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)

"""manifest.json: what a finished step did, from what, and how to prove it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas import digests
from schemas.errors import UserError

FILE_NAME = "manifest.json"


class KeyParts(BaseModel):
    """Everything that can change a step's answer. Two steps with equal parts share one result."""

    model_config = ConfigDict(frozen=True)

    component: str
    code: dict[str, str] = Field(description="digest of each project module the component can reach")
    parameters: dict[str, Any]
    inputs: dict[str, str] = Field(description="content digest per input artifact")
    outside: dict[str, str] = Field(description="content digest per parameter that names something outside the store")
    libraries: dict[str, str] = Field(description="version per library that those modules import")
    python: str = Field(description="major.minor")

    def key(self) -> str:
        """Sixteen hex digits that name the step's folder."""
        return digests.of_json(self.model_dump(mode="json"))[:16]


class FileRecord(BaseModel):
    """One file of an output."""

    path: str = Field(description="below the output's folder")
    size: int = Field(description="bytes")
    sha256: str


class OutputRecord(BaseModel):
    """One artifact that the step wrote."""

    kind: str
    digest: str = Field(description="content digest, see Artifact.content_digest")
    files: list[FileRecord]


class InputRecord(BaseModel):
    """One artifact that the step read."""

    producer: str = Field(description="component/key of the step that wrote it")
    output: str
    digest: str


class Manifest(BaseModel):
    """The record of a finished step. Written last: where it stands, the step is whole."""

    # A metric may be NaN, which plain JSON turns into null and would not read again.
    model_config = ConfigDict(ser_json_inf_nan="constants")

    component: str
    key: str
    parts: KeyParts
    inputs: dict[str, InputRecord]
    outputs: dict[str, OutputRecord]
    metrics: dict[str, float | int | str] = Field(description="what the component returned")
    started: str = Field(description="ISO 8601, UTC")
    seconds: float
    peak_memory_mb: float

    @property
    def name(self) -> str:
        """component/key: the step's folder below the store."""
        return f"{self.component}/{self.key}"

    def write(self, folder: Path) -> None:
        """Write the record into the step's folder."""
        (folder / FILE_NAME).write_text(self.model_dump_json(indent=2), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the record of a finished step.

        Raises:
            UserError: the file is no manifest of this version.
        """
        try:
            return cls.model_validate_json((folder / FILE_NAME).read_bytes())
        except ValidationError as error:
            raise UserError(
                f"{folder / FILE_NAME} is no manifest that this version can read: {error.errors()[0]['msg']}. "
                f"Remove the folder {folder}; its step will run again."
            ) from None

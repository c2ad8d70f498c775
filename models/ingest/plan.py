"""How a source is to be ingested, and what lies where between the two pipelines that do it.

Names say what a file is, so that a bundle which runs twice writes the same file twice:

```
rows/*.arrow                 spilled records
pieces/000003.json           records read and texts cleaned, of piece 3 of the source
refused/000003.arrow         what was refused in it
settled/000007.arrow         records of bucket 7;  signatures/ …, if near duplicates are looked for
duplicates/000007.arrow      what was refused in it;  contradictions/000007.arrow
dropped/000007.arrow         which of its records do not stay, by number, and why (dropping.py)
groups/                      who belongs together (models/ingest/grouping)
```
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from models.ingest.cleaning import Cleaning
from models.ingest.records import working_schema
from models.ingest.settling import Policy
from models.ingest.sketches import NearDuplicates
from models.ingest.splitting import Buckets
from models.reading.sources import Piece, Source, pieces
from schemas.columns import Columns


@dataclass(frozen=True)
class Origin:
    """A piece of a source, and the split that the source as a whole stands for (None: not said)."""

    source: Source
    piece: Piece
    split: str | None


@dataclass(frozen=True)
class Plan:
    """What to do with the records, for both pipelines.

    Args:
        origins: every piece of every source, in order.
        columns: of the Examples.
        grouped: whether records name a group that must not straddle splits.
        named: whether the source gives ids.
        cleaning: rules for texts.
        duplicates: what happens to equal records.
        contradictions: what happens to records that differ in the label only.
        near_duplicates: how near is near; None to leave them alone.
        remove_near_duplicates: keep only one of them, instead of keeping them in one split.
        stratify: whether shares hold within each label.
        buckets: where texts go.
        folder: shared by all workers.
    """

    origins: tuple[Origin, ...]
    columns: Columns
    grouped: bool
    named: bool
    cleaning: Cleaning
    duplicates: Policy
    contradictions: Policy
    near_duplicates: NearDuplicates | None
    remove_near_duplicates: bool
    stratify: bool
    buckets: Buckets
    folder: Path

    @property
    def schema(self) -> pa.Schema:
        """Of records between the two pipelines."""
        return working_schema(self.columns, grouped=self.grouped)

    def file(self, kind: str, number: int, *, suffix: str = "arrow", part: str = "") -> Path:
        """Where a piece's or bucket's file of some kind lies, or a part of it."""
        return self.folder / kind / f"{number:06d}{'-' * bool(part)}{part}.{suffix}"

    def parts(self, kind: str) -> list[tuple[int, Path]]:
        """All finished files of some kind, with the piece or bucket that each is of."""
        files = sorted(path for path in (self.folder / kind).iterdir() if path.suffix in (".arrow", ".json"))
        return [(int(path.stem.partition("-")[0]), path) for path in files if not path.name.startswith(".")]

    def settled(self) -> list[int]:
        """The buckets that have records."""
        return [number for number, _ in self.parts("settled")]

    @property
    def complaints(self) -> Path:
        """What a worker says that cannot read the source."""
        return self.folder / "complaints.txt"

    def make_folders(self) -> None:
        """One for each kind of file."""
        for name in ("rows", "pieces", "refused", "settled", "duplicates", "contradictions", "signatures", "dropped"):
            (self.folder / name).mkdir(parents=True)

    def pieces_done(self) -> int:
        """How many pieces have been read."""
        return sum(1 for _ in (self.folder / "pieces").glob("*.json"))

    def rows_and_cleaned(self) -> tuple[int, dict[str, int]]:
        """Records read, and texts that each cleaning rule changed."""
        cleaned: Counter[str] = Counter()
        for report in self._piece_reports():
            cleaned.update(report["cleaned"])
        return sum(report["rows"] for report in self._piece_reports()), dict(sorted(cleaned.items()))

    def rows_before(self) -> list[int]:
        """For each piece, the records in earlier pieces of the same file."""
        seen: Counter[object] = Counter()
        before = []
        for origin, report in zip(self.origins, self._piece_reports(), strict=True):
            name = (origin.source.parameter, origin.piece.file_key)
            before.append(seen[name])
            seen[name] += report["rows"]
        return before

    def write_piece_report(self, number: int, rows: int, cleaned: Mapping[str, int], part: str = "") -> None:
        """Say how many records a piece had, and what cleaning did to them."""
        partial = self.file("pieces", number, suffix="partial", part=part)
        partial.write_text(json.dumps({"rows": rows, "cleaned": dict(cleaned)}))
        partial.rename(partial.with_suffix(".json"))

    def _piece_reports(self) -> list[dict[str, Any]]:
        """One for each piece, its parts added up."""
        reports: list[dict[str, Any]] = [{"rows": 0, "cleaned": Counter()} for _ in self.origins]
        for number, path in self.parts("pieces"):
            part = json.loads(path.read_bytes())
            reports[number]["rows"] += part["rows"]
            reports[number]["cleaned"].update(part["cleaned"])
        return reports


def origins(sources: Iterable[tuple[Source, str | None]]) -> tuple[Origin, ...]:
    """Every piece of some sources, each with the split that the source stands for."""
    return tuple(
        Origin(source, piece, split)
        for source, split in sources
        for piece in ([Piece(())] if source.format == "bigquery" else pieces(source))
    )

"""What becomes of a reader's records: the good ones go on, the others are written down, and all are counted."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from models.ingest.arrow_files import LateFile
from models.ingest.plan import Plan
from models.ingest.records import REFUSED, prepare
from models.reading.readers import Rows


class Preparation:
    """Cleans the records of a piece, or of a part of it, for a `with` block; its report is written at the end.

    Args:
        plan: what to do, and where to write.
        number: of the piece.
        part: name of the part, where several workers share a piece.
    """

    def __init__(self, plan: Plan, number: int, part: str = "") -> None:
        self._plan = plan
        self._number = number
        self._part = part
        self._rows = 0
        self._cleaned: Counter[str] = Counter()
        self._refused = LateFile(plan.file("refused", number, part=part), REFUSED)

    def __enter__(self) -> "Preparation":
        return self

    def of(self, found: Rows) -> Iterator[pa.RecordBatch]:
        """The good ones of some records, with schema `working_schema`."""
        plan = self._plan
        self._rows += found.count
        self._refused.write(_refused_by_reader(found.rejected, self._number))
        if len(found.kept):
            split = plan.origins[self._number].split
            prepared = prepare(found.kept, plan.columns, plan.cleaning, piece=self._number, given=split)
            self._refused.write(prepared.refused)
            self._cleaned.update(prepared.cleaned)
            if len(prepared.records):
                yield prepared.records

    def close(self) -> None:
        """Complete the files."""
        self._refused.close()
        self._plan.write_piece_report(self._number, self._rows, self._cleaned, self._part)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()


def _refused_by_reader(rejected: pa.RecordBatch, piece: int) -> pa.Table:
    """The records that a reader rejects, with schema REFUSED."""
    rows = len(rejected)
    columns = {
        "piece": pa.array(np.full(rows, piece, np.int32)),
        **{name: rejected[name] for name in ("row", "reason", "record")},
        "duplicate_of": pa.nulls(rows, pa.string()),
    }
    return pa.table(columns, schema=REFUSED)

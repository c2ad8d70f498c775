"""Statistics of Parquet shards as a Beam pipeline: row groups in, one file of a protocol buffer per split out."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from models.statistics.protos import split_proto
from models.statistics.rows import SplitStatistics, WordPieces
from schemas.columns import Columns

BATCH_ROWS, BATCH_BYTES = 1 << 14, 16 << 20

RowGroup = tuple[str, str, int]
"""A split, a Parquet file of it, and the number of a row group in the file."""


def row_groups(split: str, files: Iterable[Path]) -> list[RowGroup]:
    """The row groups of a split's shards."""
    return [
        (split, str(file), group) for file in files for group in range(pq.ParquetFile(file).metadata.num_row_groups)
    ]


class Collect(beam.DoFn):
    """Reads row groups; emits `(split, SplitStatistics)` once per bundle and split.

    Args:
        columns: of the examples.
        vocabulary: WordPieces by id, or None to count words.
        lowercase: fold case before looking WordPieces up.
        labels: those whose texts' tokens are counted apart too.
    """

    def __init__(
        self, columns: Columns, vocabulary: Sequence[str] | None, *, lowercase: bool, labels: tuple[str, ...]
    ) -> None:
        self._columns = columns
        self._labels = labels
        self._vocabulary = vocabulary
        self._lowercase = lowercase

    def setup(self) -> None:
        """Build the tokenizer once per worker."""
        self._pieces: WordPieces | None = None
        if self._vocabulary is not None:
            from models.statistics.tokens import word_pieces  # loads TensorFlow, which words do not need

            self._pieces = word_pieces(self._vocabulary, lowercase=self._lowercase)

    def start_bundle(self) -> None:
        """Begin with nothing."""
        self._found: dict[str, SplitStatistics] = {}

    def process(self, group: RowGroup) -> Iterator[None]:
        """Read one row group."""
        split, file, number = group
        found = self._found.setdefault(split, SplitStatistics(self._columns, self._pieces is not None, self._labels))
        for batch in _batches(file, number):
            found.add(batch, self._pieces)
        yield from ()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Hand over what this bundle saw: some MB, however many rows there were."""
        for pair in self._found.items():
            yield WindowedValue(pair, MIN_TIMESTAMP, [GlobalWindow()])


class Merge(beam.CombineFn):
    """Brings the statistics of a split together, in whatever order they come."""

    def create_accumulator(self) -> SplitStatistics | None:
        """Nothing yet."""
        return None

    def add_input(self, mutable: SplitStatistics | None, found: SplitStatistics) -> SplitStatistics:
        """Add what a bundle saw."""
        if mutable is None:
            return found
        mutable.merge(found)
        return mutable

    def merge_accumulators(self, accumulators: Iterable[SplitStatistics | None]) -> SplitStatistics | None:
        """Add what several bundles saw."""
        merged = None
        for one in accumulators:
            merged = merged if one is None else self.add_input(merged, one)
        return merged

    def extract_output(self, merged: SplitStatistics | None) -> SplitStatistics | None:
        """All of it."""
        return merged


class WriteProto(beam.DoFn):
    """Writes the statistics of a split as DatasetFeatureStatistics into `<folder>/<split>.pb`.

    Args:
        folder: on storage that this machine shares with the worker.
        top_values: how many of the most frequent values to list.
    """

    def __init__(self, folder: str, top_values: int) -> None:
        self._folder = folder
        self._top_values = top_values

    def process(self, found: tuple[str, SplitStatistics]) -> Iterator[None]:
        """Write one split."""
        split, statistics = found
        proto = split_proto(split, statistics, self._top_values)
        (Path(self._folder) / f"{split}.pb").write_bytes(proto.SerializeToString(deterministic=True))
        yield from ()


def _batches(file: str, group: int) -> Iterator[pa.RecordBatch]:
    """Record batches of about 16 MB; their size does not show in the statistics."""
    parquet = pq.ParquetFile(file)
    size = parquet.metadata.row_group(group)
    row_bytes = size.total_byte_size // max(1, size.num_rows) + 1
    rows = min(BATCH_ROWS, max(1, BATCH_BYTES // row_bytes))
    yield from parquet.iter_batches(rows, row_groups=[group], use_threads=False)

"""Which tokens the texts of each label have.

Shuffled labels leave the distribution of the labels and that of the tokens as they were. What changes is the tokens of
the texts with a given label: they become those of all texts.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0 import statistics_pb2

RANKS = 1000  # most frequent tokens listed per label, as for all texts
LABELS = 20  # most frequent labels that get a feature of their own
GIVEN = "|label="


class LabelTokens:
    """Counts of tokens by label: mergeable, and the same for any order of rows and merges."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._counts: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def add(self, labels: pa.Array, ids: np.ndarray, lengths: np.ndarray) -> None:
        """See texts.

        Args:
            labels: strings [n]; texts without a label are left out.
            ids: int [m], the tokens of all texts.
            lengths: int [n], how many tokens each text has; they sum up to m.
        """
        encoded = labels.dictionary_encode()
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        code_of_token = np.repeat(codes, lengths)
        for code, label in enumerate(encoded.dictionary.to_pylist()):
            found, counts = np.unique(ids[code_of_token == code], return_counts=True)
            self._add(label, int(np.sum(codes == code)), found, counts)

    def merge(self, other: "LabelTokens") -> None:
        """Add what another has seen."""
        for label, rows in other._rows.items():
            self._add(label, rows, *other._counts[label])

    def features(self, vocabulary: Sequence[str], text: str = "text") -> list[statistics_pb2.FeatureNameStatistics]:
        """A feature `text/token|label=<label>` for each of the most frequent labels, in alphabetical order."""
        frequent = sorted(self._rows, key=lambda label: (-self._rows[label], label))[:LABELS]
        return [self._feature(label, vocabulary, text) for label in sorted(frequent)]

    def _add(self, label: str, rows: int, ids: np.ndarray, counts: np.ndarray) -> None:
        seen, before = self._counts.get(label, (ids[:0], counts[:0]))
        both, places = np.unique(np.concatenate([seen, ids]), return_inverse=True)
        self._counts[label] = (both, np.bincount(places, np.concatenate([before, counts]), len(both)).astype(np.int64))
        self._rows[label] = self._rows.get(label, 0) + rows

    def _feature(self, label: str, vocabulary: Sequence[str], text: str) -> statistics_pb2.FeatureNameStatistics:
        ids, counts = self._counts[label]
        rows, total = self._rows[label], int(counts.sum())
        feature = statistics_pb2.FeatureNameStatistics(
            name=f"{text}/token{GIVEN}{label}", type=statistics_pb2.FeatureNameStatistics.STRING
        )
        common = feature.string_stats.common_stats
        common.num_non_missing, common.tot_num_values, common.avg_num_values = rows, total, total / max(1, rows)
        feature.string_stats.unique = len(ids)
        for rank, place in enumerate(np.argsort(-counts, kind="stable")[:RANKS]):
            feature.string_stats.rank_histogram.buckets.add(
                low_rank=rank, high_rank=rank, label=vocabulary[ids[place]], sample_count=float(counts[place])
            )
        return feature

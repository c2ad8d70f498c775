"""Small random changes of numeric features, for all rows at once. Null is NaN here and stays so."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.special import betaincinv, ndtri

from models.ingest.identity import dealt

BATCH_ROWS = 65_536


def add_noise(values: np.ndarray, seeds: np.ndarray, *, share: float, deviations: np.ndarray) -> np.ndarray:
    """Add Gaussian noise with `share` of the column's standard deviation.

    Args:
        values: float64 [n, columns].
        seeds: uint64 [n], whose noise depends on nothing else.
        share: of each standard deviation.
        deviations: float64 [columns].
    """
    with np.errstate(over="ignore"):
        return _finite(values + share * deviations * ndtri(uniform(seeds, values.shape[1])), values)


def scale(values: np.ndarray, seeds: np.ndarray, *, deviation: float) -> np.ndarray:
    """Multiply each value by a factor of its own, drawn around 1 with this standard deviation.

    Args:
        values: float64 [n, columns].
        seeds: uint64 [n].
        deviation: of the factors.
    """
    with np.errstate(over="ignore"):
        return _finite(values * (1 + deviation * ndtri(uniform(seeds, values.shape[1]))), values)


def mix(values: np.ndarray, partners: np.ndarray, own_share: np.ndarray) -> np.ndarray:
    """Weighted means of rows and their partners (Zhang et al. 2017, "mixup"); without a partner's value, its own.

    >>> mix(np.array([[0.0, 1.0]]), np.array([[1.0, np.nan]]), np.array([0.75])).tolist()
    [[0.25, 1.0]]

    Args:
        values: float64 [n, columns].
        partners: float64 [n, columns].
        own_share: float64 [n], between 0 and 1.
    """
    own = own_share[:, np.newaxis]
    return np.where(np.isnan(partners), values, own * values + (1 - own) * partners)


def own_shares(seeds: np.ndarray, alpha: float) -> np.ndarray:
    """The larger part of a Beta(alpha, alpha) draw for each seed, so that a row stays nearer to itself.

    >>> bool(np.all(own_shares(np.arange(9, dtype=np.uint64), alpha=0.2) >= 0.5))
    True
    """
    shares = betaincinv(alpha, alpha, uniform(seeds, 1)[:, 0])
    return np.maximum(shares, 1 - shares)


def uniform(seeds: np.ndarray, columns: int) -> np.ndarray:
    """Numbers strictly between 0 and 1: uint64 [n] to float64 [n, columns]; each depends on seed and column alone."""
    draws = [dealt(seeds, purpose="uniform", seed=column) >> np.uint64(12) for column in range(columns)]
    return (np.stack(draws, axis=1).astype(np.float64) + 0.5) / 2.0**52 if draws else np.empty((len(seeds), 0))


def deviations(files: Sequence[Path], names: Sequence[str]) -> np.ndarray:
    """Standard deviations of some columns of Parquet files: float64 [names]; 0 where there are no numbers.

    Reads each column three times, a part at a time. Sums are exact (`math.fsum`), so neither the order of the rows
    nor their distribution over files shows.
    """
    return np.array([_deviation(files, name) for name in names], np.float64)


def _deviation(files: Sequence[Path], name: str) -> float:
    def values() -> Iterable[np.ndarray]:
        for file in files:
            for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=[name], use_threads=False):
                yield batch.column(0).drop_null().to_numpy(zero_copy_only=False)

    count = sum(map(len, values()))
    # Squares of the largest numbers would overflow.
    largest = max((float(np.max(np.abs(part), initial=0.0)) for part in values()), default=0.0)
    if not count or not 0 < largest < math.inf:
        return 0.0
    mean = math.fsum(number for part in values() for number in (part / largest).tolist()) / count
    squares = math.fsum(number for part in values() for number in ((part / largest - mean) ** 2).tolist())
    return largest * math.sqrt(squares / count)


def _finite(values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, otherwise)

"""Area under the ROC curve, one class against the rest, for many weightings of the same rows at once."""

import numpy as np

CHUNK = 500_000  # row weights held at a time (4 MB an array); more only leaves the processor's cache


def auc_ovr(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over the classes of the area under the one-vs-rest ROC curve.

    Args:
        truth: class index of n rows; indices beyond the C classes belong to the rest of every class.
        scores: float [n, C].
        weights: how often each row counts, float [n, R].

    Returns:
        float64 [R]: the mean over the classes that have both rows and a rest, NaN where none has.
    """
    areas = np.stack([_area(truth == i, scores[:, i], weights) for i in range(scores.shape[1])])
    defined = ~np.isnan(areas)
    total = np.where(defined, areas, 0).sum(axis=0)
    return np.divide(total, defined.sum(axis=0), out=np.full_like(total, np.nan), where=defined.any(axis=0))


def resample(truth: np.ndarray, scores: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """`auc_ovr` of as many rows drawn with replacement, `resamples` times: float64 [resamples]."""
    rng = np.random.default_rng(seed)
    rows = len(truth)
    chunk = max(16, CHUNK // rows)  # sorting is paid once a chunk
    values = []
    for start in range(0, resamples, chunk):
        drawn = rng.integers(rows, size=(min(chunk, resamples - start), rows))
        weights = np.stack([np.bincount(row, minlength=rows) for row in drawn], axis=1).astype(float)
        values.append(auc_ovr(truth, scores, weights))
    return np.concatenate(values)


def _area(positive: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of (positive, negative) pairs in the right order, ties counting half: float64 [R].

    Counts for every positive row what lies below it, positives too: those pairs among themselves win exactly half.
    """
    order = np.argsort(score)
    weight_below = np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(weights[order], axis=0)])
    first = np.searchsorted(score, score[positive], "left", sorter=order)
    behind = np.searchsorted(score, score[positive], "right", sorter=order)
    up = weights[positive]
    ups = up.sum(axis=0)
    won = (up * (weight_below[first] + weight_below[behind])).sum(axis=0) / 2 - ups**2 / 2
    pairs = ups * (weight_below[-1] - ups)
    return np.divide(won, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)

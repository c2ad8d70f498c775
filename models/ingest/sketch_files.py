"""MinHash signatures on disk, laid out for finding near duplicates among millions with little memory.

```
<name>.keys    uint64 [n]                  whose they are
<name>.bands   uint32 [bands, n]           a hash of each band, band by band, because that is how they are read
<name>.bytes   uint8 [n, permutations]     the low byte of each place (b-bit MinHash, Li and König 2010)
```

Plain numbers of this machine's byte order: the files live as long as a run.

A quarter of the signature is as good: two bytes agree by chance once in 256 times, which the estimate allows for.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from models.ingest.sketches import NearDuplicates

CHANCE = 1 / 256
MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)


def write_signatures(
    folder: Path, name: str, keys: np.ndarray, signatures: np.ndarray, settings: NearDuplicates
) -> None:
    """Keep the signatures of a slice of rows for `find_edges`.

    Args:
        folder: one for all slices; made when it is missing.
        name: of the slice; another one of the same name is replaced.
        keys: uint64 [n]. Rows of equal keys must have equal texts.
        signatures: uint32 [n, permutations], from `signatures` with the same settings.
        settings: the number of bands is used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for part, values in (
        ("bands", band_hashes(signatures, settings.bands)),
        ("bytes", signatures.astype(np.uint8)),
        ("keys", keys.astype(np.uint64)),
    ):
        values.tofile(folder / f"{name}.{part}")


def band_hashes(signatures: np.ndarray, bands: int) -> np.ndarray:
    """Equal where all places of a band are: uint32 [n, permutations] to uint32 [bands, n]."""
    places = signatures.T.astype(np.uint64).reshape(bands, signatures.shape[1] // bands, len(signatures))
    hashes = np.zeros((bands, len(signatures)), np.uint64)
    for place in range(places.shape[1]):
        hashes = (hashes ^ places[:, place]) * MULTIPLIER
        hashes ^= hashes >> np.uint64(32)
    return hashes.astype(np.uint32)


class SignatureFiles:
    """All signatures that `write_signatures` put into a folder; rows are numbered through the files.

    Args:
        folder: may hold files without rows, or none at all.
        settings: those that the files were written with.
    """

    def __init__(self, folder: Path, settings: NearDuplicates) -> None:
        rows = {path.with_suffix(""): path.stat().st_size // 8 for path in sorted(folder.glob("*.keys"))}
        self._files = [file for file in rows if rows[file]]
        self._starts = np.cumsum([0, *(rows[file] for file in self._files)])
        self._settings = settings

    def __len__(self) -> int:
        return int(self._starts[-1])

    def keys(self) -> np.ndarray:
        """The key of each row: uint64 [n]."""
        out = np.empty(len(self), np.uint64)
        for file, start, stop in self._slices(self._starts):
            out[start:stop] = np.fromfile(f"{file}.keys", np.uint64)
        return out

    def read_band(self, band: int, out: np.ndarray) -> None:
        """Fill `out` [n] with the hash of a band of each row."""
        for file, start, stop in self._slices(self._starts):
            out[start:stop] = np.fromfile(f"{file}.bands", np.uint32, stop - start, offset=4 * band * (stop - start))

    def low_bytes(self, rows: np.ndarray) -> np.ndarray:
        """The low bytes of some rows' signatures: int [m] to uint8 [m, permutations].

        Maps one file at a time, so that what is read does not stay in this process' memory.
        """
        width = self._settings.permutations
        out = np.empty((len(rows), width), np.uint8)
        order = np.argsort(rows)
        starts = dict(zip(self._files, self._starts, strict=False))
        for file, start, stop in self._slices(np.searchsorted(rows[order], self._starts)):
            mapped = np.memmap(f"{file}.bytes", np.uint8, "r").reshape(-1, width)
            out[order[start:stop]] = mapped[rows[order[start:stop]] - starts[file]]
        return out

    def _slices(self, bounds: np.ndarray) -> Iterator[tuple[Path, int, int]]:
        """Files and what falls to each of something cut at `bounds`, without those to which nothing falls."""
        for file, (start, stop) in zip(self._files, pairwise(bounds), strict=True):
            if start < stop:
                yield file, int(start), int(stop)

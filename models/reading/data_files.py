"""A file of a source: on this machine, or behind a URL that a Beam file system knows."""

import glob
from dataclasses import dataclass, field
from pathlib import Path

from schemas import locations


@dataclass(frozen=True, order=True)
class DataFile:
    """Where a file is, and how many bytes it has as it lies there.

    Args:
        location: absolute path, or URL.
        size: bytes, packed ones in a packed file.
        wanted_by: `component.parameter` that named it, for messages.
    """

    location: str
    size: int
    wanted_by: str = field(compare=False)

    @property
    def name(self) -> str:
        """The last part of the location.

        >>> DataFile("gs://bucket/reviews/a.csv", 7, "ingest_examples.source").name
        'a.csv'
        """
        return self.location.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """What the name ends in, in small letters and without the ending of a packed file.

        >>> DataFile("/data/Reviews.CSV.GZ", 7, "ingest_examples.source").suffix
        '.csv'
        """
        return Path(self.name.lower().removesuffix(self.packing)).suffix

    @property
    def packing(self) -> str:
        """How the file is packed: `.gz`, `.zst` or not at all."""
        return next((ending for ending in (".gz", ".zst") if self.name.lower().endswith(ending)), "")

    @property
    def is_remote(self) -> bool:
        """Whether Python's own `open` cannot open it."""
        return locations.is_remote(self.location)


def find_data_files(location: str, *, wanted_by: str) -> tuple[list[DataFile], str]:
    """The files of a location, sorted, and the folder to name them from.

    Raises:
        UserError: nothing is there, or nothing here can look at such a place.
    """
    if locations.is_remote(location):
        from models.reading.remote_files import find

        found = [DataFile(file.location, file.size, wanted_by) for file in find(location, wanted_by=wanted_by)]
    else:
        paths = locations.find_files(location, wanted_by=wanted_by)
        found = sorted(DataFile(str(path.absolute()), path.stat().st_size, wanted_by) for path in paths)
    return found, _root(location, found, wanted_by)


def is_folder(location: str, files: list[DataFile]) -> bool:
    """Whether a location names a folder that holds the files: neither a glob nor a file itself."""
    if locations.is_remote(location):
        return not glob.has_magic(location) and [file.location for file in files] != [location]
    if glob.has_magic(location) and not location.startswith(locations.PACKAGE):
        return Path(location).expanduser().is_dir()
    return locations.resolve(location, wanted_by="source").is_dir()


def _root(location: str, files: list[DataFile], wanted_by: str) -> str:
    if not is_folder(location, files):
        return common_folder([file.location for file in files])
    if locations.is_remote(location):
        return location.rstrip("/")
    return str(locations.resolve(location, wanted_by=wanted_by).absolute())


def common_folder(places: list[str]) -> str:
    """The deepest folder that holds all the files.

    >>> common_folder(["gs://bucket/x/a.csv", "gs://bucket/x/y/b.csv"])
    'gs://bucket/x'
    """
    first, *others = (place.split("/")[:-1] for place in places)
    depth = len(first)
    for other in others:
        depth = next(
            (i for i, (a, b) in enumerate(zip(first[:depth], other, strict=False)) if a != b), min(depth, len(other))
        )
    return "/".join(first[:depth])

"""Files behind URLs, through Apache Beam's file systems: `gs://`, and any other scheme that Beam knows."""

import glob
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from schemas import digests
from schemas.errors import UserError

INSTALLS = {
    "gs": "pip install 'modelmill[gcp]'",
    "s3": "pip install 'apache-beam[aws]'",
    "hdfs": "pip install 'apache-beam[hadoop]'",
    "azfs": "pip install 'apache-beam[azure]'",
}


@dataclass(frozen=True, order=True)
class RemoteFile:
    """What a file system tells of a file without opening it.

    Args:
        location: URL.
        size: bytes.
        updated: seconds since 1970.
    """

    location: str
    size: int
    updated: float


def find(location: str, *, wanted_by: str) -> list[RemoteFile]:
    """All files that a URL, a folder's URL or a glob stands for, sorted; `**` crosses folders.

    Inside a named folder, hidden files and folders are left out.

    Raises:
        UserError: nothing matches, no file system knows the scheme, or it refuses to look.
    """
    file_systems = _file_systems(location, wanted_by)
    matches = _match(file_systems, location.rstrip("/"), wanted_by)  # Beam would put a * behind the slash
    if not matches and not glob.has_magic(location):
        folder = location.rstrip("/") + "/"
        inside = _match(file_systems, folder + "**", wanted_by)
        matches = [file for file in inside if not _hidden(file.location.removeprefix(folder))]
    if not matches:
        raise UserError(f"{wanted_by}: '{location}' matches no file. Expected at least one; check the spelling.")
    return matches


def open_file(location: str) -> Any:
    """A file's bytes as they lie there, for a `with` block.

    Raises:
        OSError: it cannot be opened.
    """
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    try:
        return closing(FileSystems.open(location, compression_type=CompressionTypes.UNCOMPRESSED))
    except Exception as error:  # each file system has errors of its own
        raise OSError(str(error)) from error


def digest(location: str, *, wanted_by: str) -> str:
    """What changes when a file changes: names, sizes, times and checksums as the file system tells them.

    Raises:
        UserError: as `find`.
    """
    file_systems = _file_systems(location, wanted_by)
    files = find(location, wanted_by=wanted_by)
    try:
        checksums = [str(file_systems.checksum(file.location)) for file in files]
    except Exception as error:  # each file system has errors of its own
        raise _refused(location, wanted_by, error) from error
    return digests.of_json(
        [(file.location, file.size, file.updated, checksum) for file, checksum in zip(files, checksums, strict=True)]
    )


def _file_systems(location: str, wanted_by: str) -> Any:
    """Beam's entry to all of them."""
    from apache_beam.io.filesystems import FileSystems

    scheme = location.partition("://")[0]
    try:
        FileSystems.get_filesystem(location)
    except Exception as error:  # ValueError, ImportError or BeamIOError
        install = INSTALLS.get(scheme, f"the package with Beam's file system for {scheme}://")
        raise UserError(
            f"{wanted_by}: '{location}' needs a file system for {scheme}://, which is not installed here. Install it: "
            f"{install}; or copy the files here and give their path."
        ) from error
    return FileSystems


def _match(file_systems: Any, pattern: str, wanted_by: str) -> list[RemoteFile]:
    # For Beam, `**/` means at least one folder; on local disks also none.
    patterns = list(dict.fromkeys([pattern, pattern.replace("**/", "")]))
    try:
        results = file_systems.match(patterns)
    except Exception as error:  # each file system has errors of its own
        raise _refused(pattern, wanted_by, error) from error
    found = {
        RemoteFile(file.path, file.size_in_bytes, file.last_updated_in_seconds or 0.0)
        for result in results
        for file in result.metadata_list
        if not file.path.endswith("/")  # what consoles make of a folder
    }
    return sorted(found)


def _refused(location: str, wanted_by: str, error: Exception) -> UserError:
    return UserError(
        f"{wanted_by}: '{location}' cannot be looked at: {error}. Expected files that you may list and read; check the "
        "spelling, your credentials and the network."
    )


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))

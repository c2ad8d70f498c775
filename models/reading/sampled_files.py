"""Which files a first look opens, and how it speaks of them."""

from models.reading.data_files import DataFile
from models.reading.sources import Source

# Opening a file in a bucket takes a tenth of a second.
REMOTE_FILES = 20


def looked_at(source: Source) -> list[DataFile]:
    """The files whose columns are checked: all of them, or some if they are far away."""
    return spread(source.files, REMOTE_FILES if source.files[0].is_remote else len(source.files))


def files_are(source: Source, one: str, many: str) -> str:
    """The subject of a sentence and its verb."""
    return (
        f"{source.name(source.files[0])} {one}" if len(source.files) == 1 else f"all {len(source.files)} files {many}"
    )


def spread(files: tuple[DataFile, ...], count: int) -> list[DataFile]:
    """At most `count` of the files, evenly spread."""
    return [files[i * len(files) // count] for i in range(count)] if len(files) > count else list(files)

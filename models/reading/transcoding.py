"""Any encoding in, valid UTF-8 out: bad bytes become marks, so that one of them cannot stop a parser."""

import codecs
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from models.reading.compression import BROKEN, unpacked
from models.reading.data_files import DataFile
from schemas.errors import UserError

# A bad byte b becomes the private-use character U+10FE00 + b, which ordinary text does not hold.
FIRST_MARK = 0x10FE00
MARKS = f"[{chr(FIRST_MARK)}-{chr(FIRST_MARK + 255)}]"
READ_BYTES = 1 << 20


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    if not error.encoding.startswith(("utf-16", "utf-32")):
        # A bad byte takes no ASCII with it: some decoders count a line end behind it as part of a broken character.
        bad = bad[:1] + next(iter(re.split(rb"[\x00-\x7f]", bad[1:], maxsplit=1)))
    return "".join(chr(FIRST_MARK + byte) for byte in bad), error.start + len(bad)


codecs.register_error("mark", _mark)


def decode(content: bytes, encoding: str) -> str:
    """Text of some bytes, without a byte order mark; bad bytes become marks.

    >>> show(decode(b"caf\\xe9", "utf-8")), decode(b"caf\\xe9", "latin-1")
    ('caf\\\\xe9', 'café')
    """
    return content.decode(encoding, errors="mark").removeprefix("\ufeff")


def is_marked(text: str) -> bool:
    """Whether `decode` met bad bytes."""
    return re.search(MARKS, text) is not None


def show(text: str) -> str:
    """Text with its bad bytes written as `\\xNN`, and lone surrogates as `\\uNNNN`."""
    plain = re.sub(MARKS, lambda mark: f"\\x{ord(mark[0]) - FIRST_MARK:02x}", text)
    return plain.encode("utf-8", errors="backslashreplace").decode("utf-8")


@contextmanager
def open_stored(file: DataFile) -> Iterator[BinaryIO]:
    """A file's bytes as they lie there, for a `with` block; can seek. Raises as `open_raw` does."""
    try:
        if file.is_remote:
            from models.reading import remote_files

            with remote_files.open_file(file.location) as remote:
                yield remote
        else:
            with Path(file.location).open("rb") as local:
                yield local
    except OSError as error:
        raise UserError(
            f"{file.wanted_by}: {file.location} cannot be read: {error.strerror or error}. Expected a file that you "
            "may read; look at its permissions and its disk, or leave it out."
        ) from error


@contextmanager
def open_raw(file: DataFile) -> Iterator[BinaryIO]:
    """A file's bytes, for a `with` block; `.gz` and `.zst` are unpacked on the way.

    Raises:
        UserError: the file cannot be opened, or inside the block, it cannot be read or unpacked any further.
    """
    with open_stored(file) as stored:
        try:
            yield unpacked(stored, file.packing)
        except BROKEN as error:
            kind = {".gz": "gzip", ".zst": "zstd"}.get(file.packing, "")
            raise UserError(
                f"{file.wanted_by}: {file.location} cannot be unpacked: {error}. Expected a whole {kind} "
                f"file, as its name says; copy it again, or take {file.packing} off the name if it is not compressed."
            ) from error


@contextmanager
def open_utf8(file: DataFile, encoding: str, start: int = 0, end: int | None = None) -> Iterator[BinaryIO]:
    """A file as a stream of valid UTF-8 without a byte order mark, for a `with` block; raises as `open_raw` does.

    Args:
        file: packed or not.
        encoding: the file's.
        start: begin at this byte, of a file that is not packed.
        end: stop before this byte.
    """
    with open_raw(file) as stream:
        if start:
            stream.seek(start)
        whole = _Transcoded(stream, encoding, start, end)
        with io.BufferedReader(whole, READ_BYTES) as utf8:
            yield utf8


class _Transcoded(io.RawIOBase):
    """The raw end of `open_utf8`."""

    def __init__(self, file: BinaryIO, encoding: str, start: int, end: int | None) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(_plain(encoding))(errors="mark")
        self._ready = memoryview(b"")
        self._left = sys.maxsize if end is None else end - start
        self._at_start = start == 0
        self._at_end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and not self._at_end:
            self._fill()
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _fill(self) -> None:
        content = self._file.read(min(READ_BYTES, self._left))
        self._left -= len(content)
        self._at_end = not content
        text = self._decoder.decode(content, final=self._at_end)
        if self._at_start and text:
            text = text.removeprefix("\ufeff")
            self._at_start = False
        self._ready = memoryview(text.encode("utf-8", errors="replace"))


def _plain(encoding: str) -> str:
    """The encoding without its own treatment of a byte order mark, which would differ inside a file."""
    return "utf-8" if codecs.lookup(encoding).name == "utf-8-sig" else encoding

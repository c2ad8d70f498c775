"""Any encoding in, valid UTF-8 out: bad bytes become marks, so that one of them cannot stop a parser."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from schemas.errors import UserError

# A bad byte b becomes the private-use character U+10FE00 + b, which ordinary text does not hold.
FIRST_MARK = 0x10FE00
MARKS = f"[{chr(FIRST_MARK)}-{chr(FIRST_MARK + 255)}]"
READ_BYTES = 1 << 20


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(FIRST_MARK + byte) for byte in error.object[error.start : error.end]), error.end


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
def open_raw(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, for a `with` block; `.gz` is unpacked on the way.

    Raises:
        UserError: the file cannot be opened, or inside the block, it cannot be read or unpacked any further.
    """
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(
            f"ingest_examples.source: {path} cannot be unpacked: {error}. Expected a whole gzip file, as its name "
            "says; copy it again, or take .gz off the name if it is not compressed."
        ) from error
    except OSError as error:
        raise UserError(
            f"ingest_examples.source: {path} cannot be read: {error.strerror or error}. Expected a file that you may "
            "read; look at its permissions and its disk, or leave it out of source."
        ) from error


@contextmanager
def open_utf8(path: Path, encoding: str) -> Iterator[BinaryIO]:
    """A file as a stream of valid UTF-8 without a byte order mark, for a `with` block; raises as `open_raw` does."""
    with open_raw(path) as file, io.BufferedReader(_Transcoded(file, encoding), READ_BYTES) as stream:
        yield stream


class _Transcoded(io.RawIOBase):
    """The raw end of `open_utf8`."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="mark")
        self._ready = memoryview(b"")
        self._at_start = True
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
        content = self._file.read(READ_BYTES)
        self._at_end = not content
        text = self._decoder.decode(content, final=self._at_end)
        if self._at_start and text:
            text = text.removeprefix("\ufeff")
            self._at_start = False
        self._ready = memoryview(text.encode("utf-8", errors="replace"))

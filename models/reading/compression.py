"""Packed files as streams of what was packed."""

import gzip
import io
import zlib
from typing import BinaryIO, cast

READ_BYTES = 1 << 20


class BrokenPackingError(Exception):
    """A packed file ends early or is no packed file at all."""


def unpacked(stream: BinaryIO, packing: str) -> BinaryIO:
    """A stream of the unpacked bytes.

    Args:
        stream: the file as it lies there.
        packing: `.gz`, `.zst`, or nothing.

    Returns:
        A stream whose reads raise EOFError, OSError, zlib.error or BrokenPackingError where the file is broken.
    """
    if packing == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if packing == ".zst":
        return cast(BinaryIO, io.BufferedReader(_Zstandard(stream), READ_BYTES))
    return stream


BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, BrokenPackingError)


class _Zstandard(io.RawIOBase):
    """All frames of a stream; zstandard's own reader is silent where a frame ends early."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._frame = _new_frame()
        self._begun = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and self._fill():
            pass
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _fill(self) -> bool:
        """Unpack some more; False at the end."""
        import zstandard

        content = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame, self._begun = _new_frame(), False
        content = content or self._stream.read(READ_BYTES // 8)
        if not content:
            if self._begun:
                raise BrokenPackingError("the last frame ends early")
            return False
        self._begun = True
        try:
            self._ready = memoryview(self._frame.decompress(content))
        except zstandard.ZstdError as error:
            raise BrokenPackingError(str(error)) from error
        return True


def _new_frame():  # type: ignore[no-untyped-def] # zstandard's class has no public name
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()

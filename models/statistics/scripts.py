"""Which scripts a text is written in: its letters counted by Unicode block, the cheap first look at languages."""

from functools import cache

import numpy as np
import pyarrow as pa

BLOCKS: dict[str, tuple[tuple[int, int], ...]] = {
    "Latin": (
        (0x41, 0x5A),
        (0x61, 0x7A),
        (0xAA, 0xAA),
        (0xBA, 0xBA),
        (0xC0, 0xD6),
        (0xD8, 0xF6),
        (0xF8, 0x24F),
        (0x1E00, 0x1EFF),
        (0x2C60, 0x2C7F),
        (0xA720, 0xA7FF),
        (0xFF21, 0xFF3A),
        (0xFF41, 0xFF5A),
    ),
    "Greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "Cyrillic": ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)),
    "Armenian": ((0x530, 0x58F),),
    "Hebrew": ((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
    "Arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE)),
    "Devanagari": ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
    "Bengali": ((0x980, 0x9FF),),
    "other Indic": ((0xA00, 0xDFF),),
    "Thai": ((0xE00, 0xE7F),),
    "Georgian": ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)),
    "Ethiopic": ((0x1200, 0x139F), (0x2D80, 0x2DDF)),
    "Hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF)),
    "Kana": ((0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),
    "Han": ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)),
}
SCRIPTS = tuple(BLOCKS)
ASCII_LETTER = np.array([code < 0x80 and chr(code).isalpha() for code in range(256)])


def count_scripts(texts: pa.Array) -> np.ndarray:
    """Letters of each of `SCRIPTS` in all texts together: strings [n] to int64 [len(SCRIPTS)].

    Digits, punctuation, emoji and rarer scripts do not count.

    >>> count_scripts(pa.array(["Zoë 42!", None, "мир"]))[:3].tolist()  # Latin, Greek, Cyrillic
    [3, 0, 3]
    """
    data = _bytes_of(texts.drop_null())
    counts = np.zeros(len(SCRIPTS) + 1, np.int64)
    counts[1] = np.count_nonzero(ASCII_LETTER[data])
    # What is left of UTF-8 without its ASCII bytes is UTF-8 again.
    rest = np.frombuffer(data[data >= 0x80].tobytes().decode().encode("utf-32-le"), np.uint32)
    return (counts + np.bincount(_script_of()[rest], minlength=len(counts)))[1:]


def _bytes_of(strings: pa.Array) -> np.ndarray:
    """All strings without gaps, as UTF-8: uint8."""
    if not len(strings):
        return np.zeros(0, np.uint8)
    _, offsets, data = strings.cast(pa.string()).buffers()
    ends = np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + len(strings) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]] if ends[-1] > ends[0] else np.zeros(0, np.uint8)


@cache
def _script_of() -> np.ndarray:
    """For each code point 0 or the script's number, counted from 1: uint8 [0x110000]."""
    table = np.zeros(0x110000, np.uint8)
    for number, blocks in enumerate(BLOCKS.values(), 1):
        for first, last in blocks:
            table[first : last + 1] = number
    return table

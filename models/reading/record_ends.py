"""Where records of delimited text end: at line ends, but not at those inside quotes."""

import codecs
import re

import numpy as np

QUOTE, COMMA, LINE_FEED, CARRIAGE_RETURN = b'",\n\r'

# Encodings in which the bytes of quote, comma, tab and line end always mean these characters, wherever one begins to
# read: one byte a character on top of ASCII, or more bytes of which none is one of these. Not UTF-16 and UTF-32, and
# none that switches alphabets (UTF-7, ISO-2022, HZ).
TRANSPARENT = re.compile(
    r"utf-8(-sig)?|ascii|iso8859-\d+|cp125\d|cp(437|720|737|775|85\d|86\d|874|932|949|950)|mac-\w+|koi8-\w|kz1048|tis-620"
    r"|hp-roman8|ptcp154|shift_jis\w*|euc_\w+|gb2312|gbk|gb18030|big5\w*|johab"
)


def is_transparent(encoding: str) -> bool:
    """Whether record ends can be found in the bytes of an encoding.

    >>> is_transparent("latin-1"), is_transparent("utf-16"), is_transparent("utf-7")
    (True, False, False)
    """
    return TRANSPARENT.fullmatch(codecs.lookup(encoding).name) is not None


class RecordEnds:
    """Finds record ends in a text that comes block by block.

    Follows the rules of Arrow's parser exactly: a quote opens only at the beginning of a field, so the one in
    `5" pipe` is an ordinary character; inside quotes two of them stand for one.

    Args:
        quoted: whether quotes have a meaning.
        old_line_ends: whether a carriage return ends a line, too.
    """

    def __init__(self, *, quoted: bool, old_line_ends: bool = True) -> None:
        self._quoted = quoted
        self._old_line_ends = old_line_ends
        self._inside = False
        self._last = LINE_FEED
        self._last_closed = False

    @property
    def inside(self) -> bool:
        """Whether the text so far ends inside quotes."""
        return self._inside

    def find(self, block: bytes | memoryview, *, start: int = 0) -> np.ndarray:
        """Positions behind the line ends of a block that end a record, from `start` on; goes on to the next block.

        >>> RecordEnds(quoted=True).find(b'a,"b\\nc"\\nd').tolist()
        [8]
        """
        content = np.frombuffer(block, np.uint8)
        is_end = content[start:] == LINE_FEED
        if self._old_line_ends and CARRIAGE_RETURN in block:
            is_end |= content[start:] == CARRIAGE_RETURN
        ends = start + np.flatnonzero(is_end)
        if self._quoted and len(content):
            quotes = self._quotes_that_count(content)
            ends = ends[(np.searchsorted(quotes, ends) + self._inside) % 2 == 0]
            self._inside ^= bool(len(quotes) % 2)
            self._last_closed = bool(len(quotes)) and quotes[-1] == len(content) - 1 and not self._inside
            self._last = int(content[-1])
        return ends + 1

    def _quotes_that_count(self, content: np.ndarray) -> np.ndarray:
        """Positions of the quotes that open or close. A doubled quote closes and opens again, which is the same."""
        quotes = np.flatnonzero(content == QUOTE)
        if not len(quotes):
            return quotes
        before = content[quotes - 1]
        if quotes[0] == 0:
            before[0] = self._last
        begins_field = (before == COMMA) | (before == LINE_FEED) | (before == CARRIAGE_RETURN)
        # Behind a quote that counts, which the first of the block need not be.
        reopens = before == QUOTE
        if quotes[0] == 0:
            reopens[0] = self._last_closed
        opens = np.arange(len(quotes)) % 2 == int(self._inside)
        if np.all((begins_field | reopens)[opens]):
            return quotes
        return self._one_by_one(quotes, begins_field, reopens)

    def _one_by_one(self, quotes: np.ndarray, begins_field: np.ndarray, reopens: np.ndarray) -> np.ndarray:
        """As `_quotes_that_count` where some quotes are ordinary characters."""
        counting = []
        inside = self._inside
        closed = -2 if not (self._last_closed and quotes[0] == 0) else -1
        for position, begins in zip(quotes.tolist(), begins_field.tolist(), strict=True):
            if inside:
                inside, closed = False, position
            elif begins or closed == position - 1:
                inside = True
            else:
                continue
            counting.append(position)
        return np.array(counting, quotes.dtype)

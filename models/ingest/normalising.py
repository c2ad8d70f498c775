"""The form in which two texts count as the same."""

import pyarrow as pa
import pyarrow.compute as pc

from models.ingest.cleaning import collapse


def normalised(texts: pa.StringArray) -> pa.StringArray:
    """Case, white space and compatibility forms (wide letters, ligatures, superscripts) folded; all else kept.

    Punctuation stays, since a class may hang on it: ":)" and ":(", "so good!" and "so good?". Accents stay too, as
    marks of their own behind the letter: they tell words apart.

    Args:
        texts: strings [n], best cleaned; nulls stay.

    >>> normalised(pa.array(["It’s  FINE", "ＯΔΟΣ ﬁn", None])).to_pylist()
    ['it’s fine', 'oδοσ fin', None]
    """
    folded = pc.ascii_lower(texts)
    beyond_ascii = pc.invert(pc.string_is_ascii(texts))
    if pc.any(beyond_ascii).as_py():
        folded = pc.replace_with_mask(folded, beyond_ascii, _fold(texts.filter(beyond_ascii)))
    return collapse(folded)


def _fold(texts: pa.Array) -> pa.Array:
    # NFKD holds the same texts for equal as NFKC does, and Arrow 25 cannot compose (apache/arrow issue 51225). Upper
    # comes first since some letters have two lower forms, as sigma has.
    folded = pc.utf8_lower(pc.utf8_upper(pc.utf8_normalize(texts, "NFKD")))
    return pc.utf8_normalize(folded, "NFKD")

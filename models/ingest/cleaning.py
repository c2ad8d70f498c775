"""Texts as they should have been: repaired encodings, no markup entities, no invisible characters, single spaces.

Every rule is a function of whole Arrow arrays with an expression that finds the rows it could change, so that a
batch of clean texts costs one scan.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ftfy.fixes import unescape_html

from models.ingest.mojibake import SUSPICIOUS, repair_all
from schemas.errors import UserError

# Python's str.isspace: Unicode's white space and the four information separators of ASCII.
_ODD_SPACE = r"\t-\r\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
SPACE = " " + _ODD_SPACE

# Characters without a glyph: C0 and C1 but white space, soft hyphen, zero width and joiners, direction marks,
# invisible operators, annotations, object replacement, tags, and code points that are no characters.
_CONTROL = (
    r"\x00-\x08\x0e-\x1b\x7f-\x{84}\x{86}-\x{9f}\x{ad}\x{61c}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}"
    r"\x{feff}\x{fff9}-\x{fffc}\x{fdd0}-\x{fdef}\x{e0000}-\x{e007f}"
    + "".join(rf"\x{{{plane:x}fffe}}\x{{{plane:x}ffff}}" for plane in range(17))
)
# Where some of them do carry text. Joiners choose letter forms from Hebrew to Myanmar, in Khmer, Mongolian and the
# scripts of Indonesia and Africa: the blocks are coarse on purpose. Emoji are joined into one, and tags name a flag.
_JOINING = (
    r"\x{590}-\x{109f}\x{1780}-\x{18af}\x{1a20}-\x{1cff}\x{a800}-\x{abff}\x{fb1d}-\x{fdff}\x{fe70}-\x{fefc}"
    r"\x{10a00}-\x{11fff}\x{1e900}-\x{1e95f}"
)
_EMOJI = r"[\x{2190}-\x{2bff}\x{1f000}-\x{1faff}]\x{fe0f}?"
_KEPT = (
    rf"[{_JOINING}][\x{{200c}}\x{{200d}}]|{_EMOJI}(?:\x{{200d}}{_EMOJI})+"
    r"|\x{1f3f4}[\x{e0020}-\x{e007e}]+\x{e007f}"
)
_TERMINAL = r"\x1b\[[0-9;]*[a-zA-Z]"
_STRIPPED = rf"({_KEPT})|{_TERMINAL}|[{_CONTROL}]"


@dataclass(frozen=True)
class Cleaning:
    """What to clean, and how long a cleaned text may be.

    Nothing here runs in front of a served model, so the rules repair damage and leave style alone: case, quotes,
    punctuation, ligatures and character widths stay.

    Args:
        unescape_html: `&amp;` to `&`, also where it was escaped twice.
        fix_unicode: mojibake to what it was (ftfy), C1 controls to what Windows meant, then NFC.
        strip_control: drop terminal colours and characters without a glyph; joiners stay right behind letters of
            scripts that need them, and between emoji.
        strip_replacement: drop U+FFFD, the sign of a character lost earlier.
        collapse_whitespace: each run of white space, line breaks included, to one space, none at the ends.
        min_characters: shortest text, in code points.
        max_characters: longest text.
        min_words: fewest words, that is, runs of anything but white space.
        max_words: most words.

    Raises:
        UserError: no text can be long and short enough.
    """

    fix_unicode: bool = True
    unescape_html: bool = True
    strip_control: bool = True
    strip_replacement: bool = True
    collapse_whitespace: bool = True
    min_characters: int = 1
    max_characters: int | None = None
    min_words: int = 1
    max_words: int | None = None

    def __post_init__(self) -> None:
        for unit in ("characters", "words"):
            least, most = getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")
            if most is not None and least > most:
                raise UserError(
                    f"ingest_examples: min_{unit} {least} is above max_{unit} {most}, so that every text is too short "
                    "or too long. Expected the smaller number first."
                )


@dataclass(frozen=True)
class _Step:
    """One change. Its own result is nothing it would change again."""

    rule: str  # the field of Cleaning that asks for it
    needed: str  # RE2 finds this in every text that `apply` changes
    apply: Callable[[pa.Array], pa.Array]


def _unescape(texts: pa.Array) -> pa.Array:
    def unescape(text: str) -> str:
        while (plain := unescape_html(text)) != text:
            text = plain
        return text

    return pa.array(map(unescape, texts.to_pylist()), pa.string())


def _compose(texts: pa.Array) -> pa.Array:
    # Not pc.utf8_normalize: Arrow 25 decomposes whatever form it is asked for (apache/arrow issue 51225).
    return pa.array([unicodedata.normalize("NFC", text) for text in texts.to_pylist()], pa.string())


def _strip_control(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, _STRIPPED, r"\1")


def _strip_replacement(texts: pa.Array) -> pa.Array:
    return pc.replace_substring(texts, "\ufffd", "")


def collapse(texts: pa.Array) -> pa.Array:
    """Single spaces for every run of white space, none at the ends.

    >>> collapse(pa.array([" a\\r\\n b\\u00a0", None])).to_pylist()
    ['a b', None]
    """
    # A single plain space is no match: with it among the matches this takes 20 times as long.
    return pc.ascii_trim(pc.replace_substring_regex(texts, f"[{SPACE}]{{2,}}|[{_ODD_SPACE}]", " "), " ")


_STEPS = (
    _Step("unescape_html", r"&#?[0-9A-Za-z]{1,24};", _unescape),
    _Step("fix_unicode", SUSPICIOUS, repair_all),
    _Step("fix_unicode", r"[\x{300}-\x{10ffff}]", _compose),  # what lies below is composed, and stays without marks
    _Step("strip_control", f"[{_CONTROL}]", _strip_control),
    _Step("strip_replacement", r"\x{fffd}", _strip_replacement),
    _Step("collapse_whitespace", f"^ | $|  |[{_ODD_SPACE}]", collapse),
)


def clean(texts: pa.StringArray, rules: Cleaning) -> tuple[pa.StringArray, dict[str, int]]:
    """Apply the rules until none of them finds anything, so that cleaning twice is cleaning once.

    Args:
        texts: strings [n]; nulls stay.
        rules: what to do.

    Returns:
        Strings [n], and how many texts each rule changed, by the rules' names in the order they are applied. Rules
        that changed nothing are left out.

    >>> texts = pa.array(["Caf\u00c3\u00a9 &amp;amp;\\n bar", "plain", None])
    >>> cleaned, counts = clean(texts, Cleaning())
    >>> cleaned.to_pylist(), counts
    (['Café & bar', 'plain', None], {'unescape_html': 1, 'fix_unicode': 1, 'collapse_whitespace': 1})
    """
    rows = np.flatnonzero(_finds(texts, _anything(rules)))
    if not len(rows):
        return texts, {}
    part, changed = _apply(texts.take(pa.array(rows)), [step for step in _STEPS if getattr(rules, step.rule)])
    counts = {rule: int(hit.sum()) for rule, hit in changed.items() if hit.any()}
    return (_put(texts, rows, part), counts) if counts else (texts, {})


def _anything(rules: Cleaning) -> str:
    """Finds every text that some rule could change: clean ASCII has only what is not in here."""
    return "[^ -~]" + ("|&" if rules.unescape_html else "") + ("|^ | $|  " if rules.collapse_whitespace else "")


def _apply(texts: pa.Array, steps: list[_Step]) -> tuple[pa.Array, dict[str, np.ndarray]]:
    """All steps in turn, and again on the rows that a later step changed; with a mask of changes per rule."""
    changed = {step.rule: np.zeros(len(texts), bool) for step in steps}
    stale = np.ones((len(steps), len(texts)), bool)
    while stale.any():
        for step, is_stale in zip(steps, stale, strict=True):
            todo = np.flatnonzero(is_stale)
            texts, moved = _apply_one(texts, todo, step)
            stale[:, moved] = True
            is_stale[todo] = False
            changed[step.rule][moved] = True
    return texts, changed


def _apply_one(texts: pa.Array, todo: np.ndarray, step: _Step) -> tuple[pa.Array, np.ndarray]:
    """One step on some rows; with the rows that it changed."""
    rows = todo[_finds(texts.take(pa.array(todo)), step.needed)]
    if not len(rows):
        return texts, rows
    before = texts.take(pa.array(rows))
    after = step.apply(before)
    moved = pc.not_equal(before, after)
    rows = rows[moved.to_numpy(zero_copy_only=False)]
    return _put(texts, rows, after.filter(moved)), rows


def _finds(texts: pa.Array, pattern: str) -> np.ndarray:
    """Whether RE2 finds a pattern: strings [n] to bool [n]; not in nulls."""
    return pc.fill_null(pc.match_substring_regex(texts, pattern), False).to_numpy(zero_copy_only=False)


def _put(texts: pa.Array, rows: np.ndarray, values: pa.Array) -> pa.Array:
    """The texts with `values` in some rows, which ascend."""
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), values)


def length_reasons(texts: pa.StringArray, rules: Cleaning) -> pa.StringArray:
    """Why a text is refused: strings [n], as `clean` left them, to reasons [n]; null where there is none.

    >>> rules = Cleaning(min_characters=2, max_words=2)
    >>> length_reasons(pa.array(["", "a", "a b", "a b c", None]), rules).to_pylist()
    ['empty_after_cleaning', 'too_short', None, 'too_long', None]
    """
    characters = pc.utf8_length(texts)
    words = _count_words(texts, rules)
    cases = [pc.equal(characters, 0)]
    cases.append(pc.or_(pc.less(characters, rules.min_characters), pc.less(words, rules.min_words)))
    for counts, most in ((characters, rules.max_characters), (words, rules.max_words)):
        if most is not None:
            cases.append(pc.greater(counts, most))
    names = ("empty_after_cleaning", "too_short", "too_long", "too_long")
    return pc.case_when(pc.make_struct(*(pc.fill_null(case, False) for case in cases)), *names[: len(cases)])


def _count_words(texts: pa.Array, rules: Cleaning) -> pa.Array:
    """How many words each text has; 1 for many where more make no difference."""
    if rules.min_words <= 1 and rules.max_words is None:
        return pc.match_substring_regex(texts, f"[^{SPACE}]").cast(pa.int32())
    if rules.collapse_whitespace:  # then words are one more than spaces: 10 times as fast
        return pc.add(pc.count_substring(texts, " "), pc.not_equal(texts, "").cast(pa.int32()))
    return pc.count_substring_regex(texts, f"[^{SPACE}]+")

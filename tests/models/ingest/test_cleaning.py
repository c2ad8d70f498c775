import itertools
import re
import unicodedata

import ftfy
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES
from ftfy.fixes import fix_c1_controls, unescape_html
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ingest.cleaning import _STEPS, Cleaning, clean, length_reasons
from models.ingest.mojibake import SUSPICIOUS
from models.ingest.normalising import normalised
from schemas.errors import UserError

FAMILY = "👩\u200d👩\u200d👧"
HEART_ON_FIRE = "❤\ufe0f\u200d🔥"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
MI_KHAHAM = "می\u200cخواهم"
SRI = "ශ්\u200dරී"

KEPT = [
    "plain ASCII, nothing to do :)",
    "naïve café’s “curly” quotes — and a dash…",
    "ﬁne ＷＩＤＥ x² ½",
    "שלום עולם",
    "مرحبا بالعالم",
    f"{MI_KHAHAM} {SRI}",
    f"{FAMILY} {HEART_ON_FIRE} {SCOTLAND} 👍🏽",
    "日本語。",
    "AT&T, R&D; a&b",
    "<b>bold</b>",
    "ÀÉÎÕÜ ß ñ",
]
CHANGED = [
    ("Tom &amp; Jerry&#39;s &lt;3", "Tom & Jerry's <3", ["unescape_html"]),
    ("twice &amp;quot;escaped&amp;quot;", 'twice "escaped"', ["unescape_html"]),
    ("schÃ¶n, itâ€™s a cafÃ©", "schön, it’s a café", ["fix_unicode"]),
    ("a good line\nschÃ¶n ☃", "a good line schön ☃", ["fix_unicode", "collapse_whitespace"]),
    ("Windows \x93quotes\x94", "Windows “quotes”", ["fix_unicode"]),
    ("cafe\u0301", "café", ["fix_unicode"]),
    ("zero\u200bwidth\ufeff, soft\u00adhyphen", "zerowidth, softhyphen", ["strip_control"]),
    ("\u202eright to left\u202c \u2068isolated\u2069 \u200f", "right to left isolated", None),
    ("x\u200dy and e\u200c", "xy and e", ["strip_control"]),
    ("👩\u200d, alone", "👩, alone", ["strip_control"]),
    ("hidden\U000e0041\U000e0042 tags", "hidden tags", ["strip_control"]),
    ("N\0U\0L\x7f\x08", "NUL", ["strip_control"]),
    ("\x1b[1;31mred\x1b[0m", "red", ["strip_control"]),
    ("lost \ufffd\ufffdcharacters", "lost characters", ["strip_replacement"]),
    (" a\r\n\tb\u00a0c\u2028d\u3000 ", "a b c d", ["collapse_whitespace"]),
    ("&am\u200bp;", "&", ["unescape_html", "strip_control"]),
    ("\x1c\ufffd\u200b ", "", ["strip_control", "strip_replacement", "collapse_whitespace"]),
]

NASTY = st.one_of(
    st.text(max_size=6),
    st.sampled_from([text for text, *_ in CHANGED] + KEPT),
    st.text(st.characters(max_codepoint=0x17F), max_size=4),
    st.text("".join(MOJIBAKE_CATEGORIES.values()), max_size=4),
    st.text(" \t\n\r\x0b\x1c\x85\xa0\u2028\u3000", max_size=4),
    st.text("\0\x1b[0m\xad\u200b\u200c\u200d\u200e\u2066\ufeff\ufffc\ufffd\U000e0041\ufe0f", max_size=4),
    st.text("a\u0300\u0301\u0345\u09c7\u09be\u1100\u1161\u11a8", max_size=4),
    st.sampled_from(["&", "amp;", "&#", "1", "28;", "x80;", "&nGt;", "&SZLIG;", "&#0;", "&#xD800;", "👩", "ی", "<"]),
    st.builds(
        lambda text, encoding: text.encode("utf-8").decode(encoding, "replace"),
        st.text(max_size=5),
        st.sampled_from(["latin-1", "cp1252", "mac-roman", "cp1251", "cp1250", "cp437", "sloppy-windows-1252"]),
    ),
)
TEXTS = st.lists(NASTY, max_size=6).map("".join)
RULES = st.builds(Cleaning, *[st.booleans()] * 5)


def plain_clean(text: str, rules: Cleaning) -> str:
    """The rules in plain Python on one text, with no scan in front."""
    while True:
        before = text
        if rules.unescape_html:
            text = until_stable(unescape_html, text)
        if rules.fix_unicode:
            text = until_stable(lambda text: "\n".join(map(plain_repair, text.split("\n"))), text)
            text = unicodedata.normalize("NFC", text)
        if rules.strip_control:
            text = plain_strip(text)
        if rules.strip_replacement:
            text = text.replace("\ufffd", "")
        if rules.collapse_whitespace:
            text = " ".join(text.split())
        if text == before:
            return text


def until_stable(function, text):
    while (after := function(text)) != text:
        text = after
    return text


def plain_repair(line):
    return fix_c1_controls(ftfy.fix_encoding(line))


def plain_strip(text):
    text = re.sub(r"\x1b\[[0-9;]*[a-zA-Z]", lambda _: "\x1b", text)  # so that its ends do not meet
    kept = ""
    for match in re.finditer(
        r"[\u2190-\u2bff\U0001f000-\U0001faff]\ufe0f?(\u200d[\u2190-\u2bff\U0001f000-\U0001faff]\ufe0f?)+|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f|.",
        text,
        re.DOTALL,
    ):
        kept += match[0] if len(match[0]) > 1 or not is_invisible(match[0], text[: match.start()]) else ""
    return kept


def is_invisible(character, before):
    if character in "\u200c\u200d" and before and is_joining(before[-1]):
        return False
    if character.isspace():
        return False
    name = unicodedata.category(character)
    nonsense = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    return name == "Cc" or nonsense or character in INVISIBLE


INVISIBLE = set(map(chr, [0xAD, 0x61C, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]))
INVISIBLE |= set(map(chr, [*range(0xFFF9, 0xFFFD), *range(0xE0000, 0xE0080)]))


JOINING = [(0x590, 0x109F), (0x1780, 0x18AF), (0x1A20, 0x1CFF), (0xA800, 0xABFF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFC)]
JOINING += [(0x10A00, 0x11FFF), (0x1E900, 0x1E95F)]


def is_joining(character):
    return any(low <= ord(character) <= high for low, high in JOINING)


def cleaned(texts, rules=None):
    return clean(pa.array(texts, pa.string()), rules or Cleaning())[0].to_pylist()


def test_clean_texts_stay():
    assert clean(pa.array([*KEPT, "", None], pa.string()), Cleaning())[1] == {}
    assert cleaned([*KEPT, "", None]) == [*KEPT, "", None]


@pytest.mark.parametrize(("text", "expected", "rules"), CHANGED)
def test_changes_and_their_counts(text, expected, rules):
    texts, counts = clean(pa.array([None, text, "same"]), Cleaning())
    assert texts.to_pylist() == [None, expected, "same"]
    if rules is not None:
        assert counts == dict.fromkeys(rules, 1)


def test_counts_add_up_over_texts_in_the_order_of_the_rules():
    texts = pa.array([text for text, *_ in CHANGED] * 2)
    counts = clean(texts, Cleaning())[1]
    assert list(counts) == ["unescape_html", "fix_unicode", "strip_control", "strip_replacement", "collapse_whitespace"]
    assert (counts["unescape_html"], counts["fix_unicode"], counts["strip_replacement"]) == (6, 8, 4)
    assert clean(texts, Cleaning(*[False] * 5)) == (texts, {})


def test_each_rule_can_be_left_out():
    text = "&amp; cafÃ©\0\ufffd  x"
    assert cleaned([text]) == ["& café x"]
    assert cleaned([text], Cleaning(unescape_html=False)) == ["&amp; café x"]
    assert cleaned([text], Cleaning(fix_unicode=False)) == ["& cafÃ© x"]
    assert cleaned([text], Cleaning(strip_control=False)) == ["& café\0 x"]
    assert cleaned([text], Cleaning(strip_replacement=False)) == ["& café\ufffd x"]
    assert cleaned([text], Cleaning(collapse_whitespace=False)) == ["& café  x"]


@settings(max_examples=500, deadline=None)
@given(st.lists(TEXTS, max_size=4), RULES)
def test_vectorised_cleaning_is_plain_cleaning(texts, rules):
    assert cleaned(texts, rules) == [plain_clean(text, rules) for text in texts]


@settings(max_examples=500, deadline=None)
@given(st.lists(TEXTS, max_size=4), RULES)
def test_cleaning_twice_is_cleaning_once(texts, rules):
    once = clean(pa.array(texts, pa.string()), rules)[0]
    twice, counts = clean(once, rules)
    assert (twice.to_pylist(), counts) == (once.to_pylist(), {})


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(_STEPS))
def test_steps_change_only_what_they_are_needed_for_and_only_once(texts, step):
    before = pa.array(texts, pa.string())
    after = step.apply(before)
    needed = pc.match_substring_regex(before, step.needed).to_pylist()
    assert all(needed[i] for i in range(len(texts)) if after[i] != before[i])
    assert step.apply(after) == after


def test_the_scan_for_mojibake_finds_all_that_ftfy_does():
    letters = [chr(code) for code in range(0x2600) if re.match(f"[{''.join(MOJIBAKE_CATEGORIES.values())}]", chr(code))]
    letters += ["a", "Z", " ", "\t", "œ", "×", "√", "≈", "‚", "à", "²"]
    texts = [
        f"{before}{first}{second}{behind}"
        for first, second in itertools.product(letters, letters)
        for before, behind in (("", ""), ("a ", "z"))
    ]
    found = pc.match_substring_regex(pa.array(texts), SUSPICIOUS).to_numpy(zero_copy_only=False)
    wanted = np.array([BADNESS_RE.search(text) is not None for text in texts])
    assert len(letters) > 400 and wanted.sum() > 10_000
    assert not (wanted & ~found).any()
    assert (found & ~wanted).sum() < 0.2 * len(texts)  # a scan that finds everything would be no scan


@given(st.lists(st.one_of(st.none(), TEXTS), max_size=6), st.integers(0, 6))
@settings(deadline=None)
def test_neighbours_and_slices_do_not_matter(texts, start):
    sliced = pa.array(["&amp;", *texts], pa.string()).slice(1 + start)
    assert clean(sliced, Cleaning())[0].to_pylist() == [text and cleaned([text])[0] for text in texts[start:]]


def test_no_rows():
    empty = pa.array([], pa.string())
    assert clean(empty, Cleaning()) == (empty, {})
    assert length_reasons(empty, Cleaning()).to_pylist() == []
    assert normalised(empty).to_pylist() == []


def test_lengths_are_counted_in_code_points_and_words():
    texts = pa.array(["", "ab", "äöü", "a b\u00a0c", "a b c d", None])
    assert length_reasons(texts, Cleaning()).to_pylist() == ["empty_after_cleaning", *[None] * 5]
    assert length_reasons(texts, Cleaning(min_characters=3)).to_pylist()[1:3] == ["too_short", None]
    assert length_reasons(texts, Cleaning(max_characters=5)).to_pylist()[3:] == [None, "too_long", None]
    for collapsed in (True, False):
        rules = Cleaning(min_words=2, max_words=3, collapse_whitespace=collapsed)
        expected = ["too_short", "too_short", None, "too_long", None]
        assert length_reasons(clean(texts, rules)[0], rules).to_pylist()[1:] == expected
    assert length_reasons(texts, Cleaning(max_words=3)).to_pylist()[3:] == [None, "too_long", None]
    assert length_reasons(texts, Cleaning(min_characters=0, min_words=0)).to_pylist() == [
        "empty_after_cleaning",
        *[None] * 5,
    ]
    assert length_reasons(pa.array([" \t"]), Cleaning(collapse_whitespace=False)).to_pylist() == ["too_short"]


def test_bounds_that_no_text_can_meet_are_refused():
    with pytest.raises(UserError, match=r"min_words 5 is above max_words 4.*smaller number first"):
        Cleaning(min_words=5, max_words=4)
    with pytest.raises(UserError, match="min_characters 9 is above max_characters 8"):
        Cleaning(min_characters=9, max_characters=8)


def test_normalised_forms():
    same = ["So  GOOD!", "so good!", "ｓｏ\u00a0ｇｏｏｄ！", " So Good!\n"]
    assert set(normalised(pa.array(same)).to_pylist()) == {"so good!"}
    assert normalised(pa.array(["ΟΔΟΣ", "οδος", "ﬁn", "x²", "Straße", None])).to_pylist() == [
        "οδοσ",
        "οδοσ",
        "fin",
        "x2",
        "straße",
        None,
    ]
    different = ["so good", "so good!", "so good?", "so góod", ":)", ":("]
    assert len(set(normalised(pa.array(different)).to_pylist())) == len(different)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_normalised_is_stable_and_blind_to_white_space(texts):
    once = normalised(pa.array(texts, pa.string()))
    assert normalised(once) == once
    spaced = pa.array([f" {text.replace(' ', '  ')}\n" for text in texts], pa.string())
    assert normalised(spaced) == once

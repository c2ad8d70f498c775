"""CSV and TSV that spreadsheets, exports and broken downloads leave behind."""

import gzip

import pytest

pytestmark = pytest.mark.slow

SKY, SNOW = "the sky was red", "snow fell all night"
BOTH = {"kept": [SKY, SNOW], "label": ["positive", "negative"], "rejected": {}}
RECORDS = f"{SKY},positive\n{SNOW},negative\n"
MEGABYTE = 1 << 20


def both(**more):
    return BOTH | more


def long_line(folder):
    """Fifty megabytes in one field, between two good records."""
    path = folder / "long.csv"
    path.write_text(f"text,label\n{SKY},positive\n{'word ' * (10 * MEGABYTE)},positive\n{SNOW},negative\n")
    return path


def long_line_in_quotes(folder):
    path = folder / "long.csv"
    path.write_text(f'text,label\n{SKY},positive\n"{"word, " * (9 * MEGABYTE)}",positive\n{SNOW},negative\n')
    return path


def no_line_ends_at_all(folder):
    path = folder / "one_line.csv"
    path.write_text("word " * (2 * MEGABYTE))
    return path


def long_but_fine(folder):
    """Longer than the 131,072 characters that Python's csv module takes."""
    path = folder / "long.csv"
    path.write_text(f"text,label\n{SKY},positive\n{'very ' * 40_000}long,negative\n")
    return path


def packed_without_its_ending(folder):
    path = folder / "packed.csv"
    path.write_bytes(gzip.compress(f"text,label\n{RECORDS}".encode()))
    return path


CASES = {
    # Encodings
    "byte order mark": ("bom.csv", {}, BOTH),
    "UTF-16 with a mark, taken for UTF-8": ("utf16_bom.csv", {}, ["utf16_bom.csv", "encoding: utf-16"]),
    "UTF-16 with a mark": ("utf16_bom.csv", {"encoding": "utf-16"}, {"kept": [SKY, "grüße aus köln"]}),
    "UTF-16 without a mark, taken for UTF-8": ("utf16_le.csv", {}, ["utf16_le.csv", "encoding: utf-16-le"]),
    "UTF-16 of the other end, taken for UTF-8": ("utf16_be.csv", {}, ["utf16_be.csv", "encoding: utf-16-be"]),
    "UTF-16 without a mark": ("utf16_le.csv", {"encoding": "utf-16-le"}, {"kept": [SKY, "grüße aus köln"]}),
    "a bad byte": (
        "one_bad_byte.csv",
        {"max_reject_rate": 0.5},
        both(
            rejected={"undecodable": 1},
            rejects=[("one_bad_byte.csv", 3, '{"text": "a caf\\xe9 somewhere", "label": "positive"}')],
        ),
    ),
    "bytes that only look like UTF-8": ("surrogates.csv", {}, both(rejected={"undecodable": 3})),
    "Latin-1 taken for UTF-8": ("latin1.csv", {}, ["latin1.csv", "not valid utf-8", "cp1252 gives", "schöner"]),
    "Latin-1": ("latin1.csv", {"encoding": "latin-1"}, {"kept": ["ein schöner tag", "ein übler ärger"]}),
    "mojibake and entities": (
        "mojibake.csv",
        {},
        {
            "kept": ["schöne grüße", "Tom & Jerry's café"],
            "text_raw": ["schÃ¶ne grÃ¼ÃŸe", "Tom &amp;amp; Jerry&#39;s cafÃ©"],
            "cleaned": {"fix_unicode": 2, "unescape_html": 1},
        },
    ),
    "NUL bytes": (
        "nul_bytes.csv",
        {},
        both(
            kept=[SKY, SNOW, "a label with one"],
            label=["positive", "negative", "neg\0ative"],
            text_raw=["the s\0ky was\0 red", None, None],
            cleaned={"strip_control": 1},
        ),
    ),
    "emoji and right to left": (
        "emoji_and_right_to_left.csv",
        {},
        {
            "kept": [
                "אני אוהב את זה 👍🏽",
                "هذا سيئ جدا",
                "👩\u200d👩\u200d👧 at the 🏖️",
                "reversed text",
                "日本語です。",
            ],
            "text_raw": [None, None, None, "\u202ereversed\u202c text", None],
        },
    ),
    # Something else by the name of CSV
    "a picture": ("picture.csv", {}, ["picture.csv", "not valid utf-8"]),
    "a web page": ("web_page.csv", {}, ["web_page.csv has no column 'text'", "<!DOCTYPE html>"]),
    "a packed file": (packed_without_its_ending, {}, ["packed.csv", "gzip"]),
    "an unknown ending": ("unknown_ending.dat", {}, ["cannot tell the format from 'unknown_ending.dat'", "Set format"]),
    "an unknown ending and a format": ("unknown_ending.dat", {"format": "csv"}, BOTH),
    "ten megabytes without a line end": (no_line_ends_at_all, {}, "one_line.csv"),
    # Empty
    "no bytes": ("empty.csv", {}, "empty.csv is empty"),
    "only a line end": ("only_a_line_end.csv", {}, "only_a_line_end.csv is empty"),
    "only a header": ("header_only.csv", {}, "header_only.csv has only a header, no records"),
    "only a header, unfinished": ("header_without_line_end.csv", {}, "has only a header, no records"),
    "blank lines": ("blank_lines.csv", {}, BOTH),
    # Headers
    "a column twice": ("duplicate_header.csv", {}, ["duplicate_header.csv has 2 columns 'text'"]),
    "a column twice that nobody asked for": ("duplicate_other_header.csv", {}, BOTH),
    "header in capitals": ("header_in_capitals.csv", {}, ["no column 'text'", "Did you mean 'Text'?"]),
    "header with spaces": ("header_with_spaces.csv", {}, ["no column 'text'", "Did you mean 'text '?"]),
    "no header": ("no_header.csv", {}, ["no column 'text'", "It has: the sky was red, positive"]),
    "semicolons": ("semicolons.csv", {}, ["no column 'text'", "expects a comma between columns"]),
    "tabs": ("tabs.csv", {}, ["no column 'text'", "expects a comma between columns"]),
    "tabs and their format": ("tabs.csv", {"format": "tsv"}, BOTH),
    # Records
    "ragged rows": (
        "ragged.csv",
        {},
        both(
            rejected={"ragged_row": 3},
            rejects=[
                ("ragged.csv", 2, "too few"),
                ("ragged.csv", 4, "too many,positive,by one"),
                ("ragged.csv", 5, "   "),
            ],
        ),
    ),
    "a quote that never closes": ("unclosed_quote.csv", {}, ["unclosed_quote.csv", "never closed", "this quote never"]),
    "a quote that never closes in the last line": (
        "unclosed_quote_in_last_line.csv",
        {},
        both(rejected={"unclosed_quote": 1}),
    ),
    "stray quotes": (
        "stray_quotes.csv",
        {},
        {"kept": ['a 5" screen', 'she said "no" twice', 'doubled "quotes" inside']},
    ),
    "line breaks in quotes": (
        "line_break_in_quotes.csv",
        {},
        {"kept": ["two lines", "a third"], "cleaned": {"collapse_whitespace": 2}},
    ),
    "only carriage returns": ("cr_only.csv", {}, BOTH),
    "three kinds of line ends": (
        "mixed_line_ends.csv",
        {},
        both(kept=[SKY, SNOW, "rain in may"], label=["positive", "negative", "positive"]),
    ),
    "no line end at the end": ("no_final_line_end.csv", {}, BOTH),
    "DOS's end of file": ("dos_end_of_file.csv", {}, both(rejected={"ragged_row": 1})),
    "line breaks of Unicode are none": (
        "line_separators.csv",
        {"fix_unicode": False},
        {"kept": ["one record only here", "form feed and others"], "cleaned": {"collapse_whitespace": 2}},
    ),
    "quotes in TSV are characters": (
        "quotes_in.tsv",
        {},
        {"kept": ['a 5" screen', '"half quoted'], "rejected": {"ragged_row": 1}},
    ),
    "a 50 MB line": (long_line, {}, both(rejected={"too_large": 1})),
    "a 54 MB value in quotes": (long_line_in_quotes, {}, both(rejected={"too_large": 1})),
    "a long text": (long_but_fine, {}, {"kept": [SKY, "very " * 40_000 + "long"], "rejected": {}}),
    # All is broken
    "more broken records than tolerated": (
        "ragged.csv",
        {"max_reject_rate": 0.05},
        ["3 of 9 records are broken (3 ragged_row)", "max_reject_rate allows 0.05", "ragged.csv record 2"],
    ),
}


@pytest.mark.parametrize(("source", "parameters", "expected"), CASES.values(), ids=CASES)
def test_delimited(source, parameters, expected, assert_outcome):
    assert_outcome(source, parameters, expected)

"""JSON lines as people and programs write them by mistake."""

import json

import pytest

pytestmark = pytest.mark.slow

SKY, SNOW = "the sky was red", "snow fell all night"
BOTH = {"kept": [SKY, SNOW], "label": ["positive", "negative"], "rejected": {}}
RECORDS = [{"text": SKY, "label": "positive"}, {"text": SNOW, "label": "negative"}]


def lines(folder, *odd):
    path = folder / "odd.jsonl"
    path.write_text("".join(f"{line}\n" for line in [json.dumps(RECORDS[0]), *odd, json.dumps(RECORDS[1])]))
    return path


def long_line(folder):
    return lines(folder, json.dumps({"text": "word " * (10 << 20), "label": "positive"}))


def deep_nesting(folder):
    return lines(
        folder,
        "[" * 200_000,
        '{"text": ' * 100_000,
        '{"text": "fine", "label": "positive", "more": ' + "[" * 5_000 + "]" * 5_000 + "}",
    )


CASES = {
    "byte order mark": ("bom.jsonl", {}, BOTH),
    "blank lines": ("blank_lines.jsonl", {}, BOTH),
    "no line end at the end": ("no_final_line_end.jsonl", {}, BOTH),
    "UTF-16 taken for UTF-8": ("utf16.jsonl", {}, ["utf16.jsonl", "encoding: utf-16"]),
    "UTF-16": ("utf16.jsonl", {"encoding": "utf-16"}, {"kept": [SKY, SNOW]}),
    "no bytes": ("empty.jsonl", {}, "empty.jsonl is empty"),
    "broken lines": (
        "broken.jsonl",
        {},
        BOTH
        | {
            "rejected": {"bad_json": 5},
            "rejects": [
                ("broken.jsonl", 3, '{"text": "cut off", "lab'),
                ("broken.jsonl", 4, '{"text": "a comma", "label": "positive",}'),
                ("broken.jsonl", 5, "{'text': 'single quotes', 'label': 'positive'}"),
                ("broken.jsonl", 6, f"{json.dumps(RECORDS[0])} {json.dumps(RECORDS[1])}"),
                ("broken.jsonl", 7, "# a comment"),
            ],
        },
    ),
    "values of all types": (
        "mixed_types.jsonl",
        {},
        BOTH | {"rejected": {"wrong_type": 8, "missing_text": 2, "missing_label": 2}},
    ),
    "labels that are no strings": (
        "plain_labels.jsonl",
        {},
        {"kept": [SKY, SNOW, "rain in may", "wind from the east"], "label": ["1", "0", "true", "1"]},
    ),
    "halves of surrogate pairs": (
        "surrogates.jsonl",
        {},
        {"kept": [SKY, SNOW, "a pair 😀"], "rejected": {"undecodable": 3}},
    ),
    "an escaped NUL": ("nul_escaped.jsonl", {}, {"kept": [SKY, SNOW, "a nul"], "cleaned": {"strip_control": 1}}),
    "numbers that are none": (
        "not_finite.jsonl",
        {"numeric": ["age"]},
        {
            "kept": [SKY, SNOW, "storm at sea", "fog on the river"],
            "numeric/age": [1.0, None, 2.0, None],
            "rejected": {"not_finite": 3, "wrong_type": 1},
        },
    ),
    "a key twice": ("repeated_keys.jsonl", {}, {"kept": [SKY, SNOW, "second"]}),
    "an integer of 5,000 digits": ("huge_integer.jsonl", {}, BOTH | {"rejected": {"bad_json": 1}}),
    "a 50 MB line": (long_line, {}, BOTH | {"rejected": {"too_large": 1}}),
    "nesting too deep to parse": (deep_nesting, {}, {"kept": [SKY, SNOW], "rejected": {"bad_json": 3}}),
    "an array": ("array.jsonl", {}, ["array.jsonl is a JSON object", "Expected one object a line"]),
    "an array in one line": ("array_in_one_line.jsonl", {}, ["array_in_one_line.jsonl", "Expected one object a line"]),
    "one object on many lines": ("one_object.jsonl", {}, ["one_object.jsonl", "Expected one object a line"]),
    "other keys": ("other_keys.jsonl", {}, ["other_keys.jsonl has no column 'text'", "body, label"]),
    "CSV": ("csv_named.jsonl", {}, ["csv_named.jsonl", "Expected one object a line"]),
}


@pytest.mark.parametrize(("source", "parameters", "expected"), CASES.values(), ids=CASES)
def test_json_lines(source, parameters, expected, assert_outcome):
    assert_outcome(source, parameters, expected)

"""Well-formed records whose values are not what their columns ask for."""

import pytest

pytestmark = pytest.mark.slow

SKY, SNOW, RAIN, WIND = "the sky was red", "snow fell all night", "rain in may", "wind from the east"

CASES = {
    "texts of nothing": (
        "blank_texts.csv",
        {},
        {"kept": [SKY, SNOW], "rejected": {"missing_text": 4, "empty_after_cleaning": 2}},
    ),
    "labels of nothing": ("blank_labels.csv", {}, {"kept": [SKY, SNOW], "rejected": {"missing_label": 2}}),
    "labels that differ in case and space": (
        "labels_alike.csv",
        {},
        {
            "kept": [SKY, SNOW, RAIN, WIND, "no cloud today"],
            "label": ["Positive", "negative", "positive", "positive", "POSITIVE"],
            "metrics": {"labels_alike": "'POSITIVE' and 'Positive' and 'positive'"},
        },
    ),
    "one label": ("one_label.csv", {}, ["all 2 train records carry the one label 'positive'", "at least two"]),
    "repeats and a contradiction": (
        "repeats.csv",
        {"duplicates": "keep"},
        {"kept": [SKY, SKY, "The SKY was red", SKY, SNOW, RAIN], "contradictions": 1},
    ),
    "repeats removed": (
        "repeats.csv",
        {},
        {"kept": ["The SKY was red", SKY, SNOW, RAIN], "rejected": {"duplicate": 2}, "contradictions": 1},
    ),
    "contradictions removed": (
        "repeats.csv",
        {"contradictions": "remove"},
        {"kept": [SNOW, RAIN], "rejected": {"contradictory_label": 4}, "contradictions": 1},
    ),
    "too short and too long": (
        "emoji_and_right_to_left.csv",
        {"min_words": 2, "max_characters": 15},
        {
            "kept": ["هذا سيئ جدا", "👩\u200d👩\u200d👧 at the 🏖️", "reversed text"],
            "rejected": {"too_short": 1, "too_long": 1},
        },
    ),
    "numbers": (
        "numbers.csv",
        {"numeric": ["age"]},
        {
            "kept": [SKY, SNOW, RAIN, WIND, "no cloud today"],
            "numeric/age": [1.5, None, None, -1000.0, None],
            "rejected": {"not_finite": 3, "not_a_number": 4},
        },
    ),
    "numbers as categories": (
        "numbers.csv",
        {"categorical": ["age"], "slices": ["age"], "text": "text"},
        {
            "kept": [
                SKY,
                SNOW,
                RAIN,
                WIND,
                "no cloud today",
                "storm at sea",
                "hail in june",
                "fog on the river",
                "frost at dawn",
                "dew on grass",
                "thunder far away",
                "a rainbow",
            ],
            "categorical/age": [
                "1.5",
                "nan",
                None,
                "-1e3",
                "N/A",
                "inf",
                "-Infinity",
                "many",
                "0x1F",
                "1_000",
                "1,000",
                "1e999",
            ],
            "slice/age": [
                "1.5",
                "nan",
                None,
                "-1e3",
                "N/A",
                "inf",
                "-Infinity",
                "many",
                "0x1F",
                "1_000",
                "1,000",
                "1e999",
            ],
        },
    ),
    "values to regress on": (
        "values_to_regress_on.csv",
        {"label_kind": "value"},
        {
            "kept": [SKY, SNOW],
            "label": [1.5, -2.0],
            "rejected": {"missing_label": 2, "not_finite": 1, "not_a_number": 1},
        },
    ),
    "weights": (
        "weights.csv",
        {"weight": "weight"},
        {"kept": [SKY, SNOW], "weight": [1.0, 0.0], "rejected": {"bad_weight": 5}},
    ),
    "ids that repeat or lack": (
        "ids.csv",
        {"id": "id"},
        {"kept": [SNOW, RAIN], "id": ["7", "8"], "rejected": {"missing_id": 1, "duplicate_id": 1}},
    ),
    "splits": (
        "splits.csv",
        {"split": "part"},
        {"kept": [SKY, SNOW, RAIN, WIND], "rejected": {"unknown_split": 2, "missing_split": 1}},
    ),
    "groups": ("groups.csv", {"group": "user"}, {"kept": [SKY, SNOW], "rejected": {"missing_group": 1}}),
    "pairs": (
        "pairs.csv",
        {"text_pair": "other"},
        {
            "kept": [SKY, SNOW],
            "text_pair": ["it was", "it did not"],
            "rejected": {"missing_text": 1, "missing_text_pair": 1},
        },
    ),
    "several labels": (
        "several_labels.csv",
        {"label_kind": "classes", "label_separator": "|"},
        {"kept": [SKY, SNOW, RAIN], "label": [["a", "b"], ["a", "b"], []], "rejected": {"missing_label": 1}},
    ),
    "indicators": (
        "indicators.csv",
        {"label": ["spam", "rude"], "label_kind": "classes"},
        {
            "kept": [SKY, SNOW, RAIN],
            "label": [["spam"], ["spam"], []],
            "rejected": {"wrong_type": 2, "missing_label": 1},
        },
    ),
    "a column for two roles": ("numbers.csv", {"label": "text"}, ["label", "'text'"]),
    "no such column": ("numbers.csv", {"numeric": ["ages"]}, ["no column 'ages'", "Did you mean 'age'?"]),
}


@pytest.mark.parametrize(("source", "parameters", "expected"), CASES.values(), ids=CASES)
def test_values(source, parameters, expected, assert_outcome):
    assert_outcome(source, parameters, expected)

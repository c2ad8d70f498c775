import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.scripts import BLOCKS, SCRIPTS, count_scripts


def script_of(letter):
    return next((name for name, blocks in BLOCKS.items() if any(a <= ord(letter) <= b for a, b in blocks)), None)


@settings(deadline=None)
@given(st.lists(st.none() | st.text(), max_size=5), st.integers(0, 3))
def test_every_letter_is_counted_once(texts, start):
    array = pa.array(["before", "мир", *texts], pa.string()).slice(min(start, len(texts) + 2))
    letters = [script_of(letter) for text in array.to_pylist() for letter in text or ""]
    assert count_scripts(array).tolist() == [letters.count(script) for script in SCRIPTS]


def test_blocks_do_not_overlap():
    starts, ends = zip(*sorted(block for blocks in BLOCKS.values() for block in blocks), strict=True)
    assert np.all(np.array(ends[:-1]) < np.array(starts[1:]))


def test_scripts_of_the_world():
    samples = {"Greek": "Ωραία", "Arabic": "سلام", "Hebrew": "שלום", "Han": "世界", "Kana": "カナ", "Hangul": "한글"}
    for script, word in samples.items():
        counts = dict(zip(SCRIPTS, count_scripts(pa.array([word + " 12 😀"])).tolist(), strict=True))
        assert {name: count for name, count in counts.items() if count} == {script: len(word)}

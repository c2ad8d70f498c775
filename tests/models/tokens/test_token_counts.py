from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.tokens.token_counts import TokenCounts


def test_counts_rows_and_tokens():
    counts = TokenCounts()
    counts.count(np.array([2, 9, 9]), np.array([7, 1, 1, 5]), max_length=8, unknown=1)
    assert counts == TokenCounts(truncated=2, tokens=4, unknown_tokens=2, lengths=Counter({2: 1, 9: 2}))
    assert counts.rows == 3
    assert TokenCounts().quantiles() == {}


@given(st.lists(st.integers(2, 300), min_size=1))
def test_quantiles_are_the_lengths_that_enough_rows_do_not_exceed(lengths):
    counts = TokenCounts(lengths=Counter(lengths))
    found = counts.quantiles()
    expected = np.quantile(lengths, [0.5, 0.9, 0.99, 1.0], method="inverted_cdf")
    assert list(found.values()) == expected.tolist()


def test_files_add_up(tmp_path):
    parts = [TokenCounts(1, 2, 3, Counter({4: 5})), TokenCounts(10, 20, 30, Counter({4: 1, 8: 2}))]
    files = [tmp_path / f"{number}.json" for number in range(2)]
    for part, file in zip(parts, files, strict=True):
        part.write(file)
    assert TokenCounts.total(files) == TokenCounts(11, 22, 33, Counter({4: 6, 8: 2}))

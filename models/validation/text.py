"""What natural_language_domain states of a text column, held against the features derived from it."""

import math
from collections.abc import Iterator

import numpy as np

from models.validation.case import Case
from models.validation.view import FeatureView
from schemas.reports import Anomaly

SPECIAL = "natural_language_domain"


def texts(case: Case) -> Iterator[Anomaly]:
    """Share of known tokens, their mean length, and tokens per text."""
    if case.feature.WhichOneof("domain_info") != SPECIAL or case.view.present == 0:
        return
    yield from _coverage(case)
    yield from _lengths(case)


def unchecked(case: Case) -> Iterator[Anomaly]:
    """Statements about single tokens in a text need counts that the statistics do not hold: say so."""
    stated = case.feature.natural_language_domain
    if case.feature.WhichOneof("domain_info") == SPECIAL and stated.token_constraints:
        yield _not_available(case, f"{SPECIAL}.token_constraints", "how often single tokens occur in a text")


def _coverage(case: Case) -> Iterator[Anomaly]:
    stated = case.feature.natural_language_domain.coverage
    path = f"{SPECIAL}.coverage"
    if stated.min_coverage > 0:
        known = _known_share(case)
        if known is None:
            yield _not_available(case, f"{path}.min_coverage", "the share of unknown tokens")
        elif np.float32(known) < np.float32(stated.min_coverage):
            yield case.anomaly(
                "FEATURE_COVERAGE_TOO_LOW",
                f"{known:.2%} of the tokens are in the vocabulary",
                f"at least {stated.min_coverage:.2%}",
                case.place.write(f"{path}.min_coverage", f"{math.floor(known * 1e4) / 1e4:g}"),
            )
    if stated.min_avg_token_length > 0:
        token = _derived(case, "token")
        length = token.strings.avg_length if token is not None and token.strings is not None else 0.0
        if not length:
            yield _not_available(case, f"{path}.min_avg_token_length", "the length of the tokens")
        elif np.float32(length) < np.float32(stated.min_avg_token_length):
            yield case.anomaly(
                "FEATURE_COVERAGE_TOO_SHORT_AVG_TOKEN_LENGTH",
                f"{length:.2f} characters in a token on average",
                f"at least {stated.min_avg_token_length:.2f}",
                case.place.write(f"{path}.min_avg_token_length", f"{math.floor(length * 100) / 100:g}"),
            )


def _lengths(case: Case) -> Iterator[Anomaly]:
    stated = case.feature.natural_language_domain.sequence_length_constraints
    path = f"{SPECIAL}.sequence_length_constraints"
    if not (stated.HasField("min_sequence_length") or stated.HasField("max_sequence_length")):
        return
    tokens = _derived(case, "tokens")
    if tokens is None or tokens.numbers is None:
        yield _not_available(case, path, "how many tokens the texts have")
        return
    least, most = int(tokens.numbers.min), int(tokens.numbers.max)
    if least < stated.min_sequence_length:
        edit = case.place.write(f"{path}.min_sequence_length", str(least))
        expected = f"at least {stated.min_sequence_length}"
        yield case.anomaly("FEATURE_TYPE_LOW_NUMBER_VALUES", f"a text of {least} tokens", expected, edit)
    if stated.HasField("max_sequence_length") and most > stated.max_sequence_length:
        edit = case.place.write(f"{path}.max_sequence_length", str(most))
        expected = f"at most {stated.max_sequence_length}"
        yield case.anomaly("FEATURE_TYPE_HIGH_NUMBER_VALUES", f"a text of {most} tokens", expected, edit)


def _known_share(case: Case) -> float | None:
    """Of all tokens; of the mean text where unknown tokens are not counted."""
    token, share = _derived(case, "token"), _derived(case, "unknown_share")
    if share is None or share.numbers is None:
        return None
    unknown = share.custom("unknown_tokens")
    if unknown is None or token is None:
        return 1 - share.numbers.mean
    return 1 - unknown / max(1.0, token.total)


def _derived(case: Case, name: str) -> FeatureView | None:
    return case.splits[case.split].features.get(f"{case.feature.name}/{name}")


def _not_available(case: Case, path: str, what: str) -> Anomaly:
    edit = case.place.delete(path)
    return case.anomaly("STATS_NOT_AVAILABLE", f"statistics without {what}", "statistics with it", edit, "warning")

"""The section of the statistics page about one text column: repeats, lengths, coverage, tokens."""

from html import escape

from models.page import table
from models.statistics.page_parts import Splits, about, chart, meter, of_each, percent, shares, split_name, spread
from models.statistics.report import unknown_share

LISTED_TOKENS = 20
UNITS = ("tokens", "words", "characters")
TOKENS_OF_BOTH = "text_pair/tokens_of_both"
ENOUGH = 0.95  # the max_length that holds this share of the train texts is marked


def text_section(splits: Splits, text: str) -> str:
    """Everything about the column `text` (or `text_pair`)."""
    parts = [f"<h2>{'Texts' if text == 'text' else 'Second texts'}</h2>", _repeats(splits, text)]
    for unit in UNITS:
        lengths = of_each(splits, f"{text}/{unit}")
        if lengths:
            parts.append(f"<h3>Length in {unit}</h3>{chart(lengths, unit)}{spread(lengths)}")
        if unit == "tokens":
            parts.append(_coverage(splits, text))
    parts.append(_tokens(splits, text))
    return "\n".join(part for part in parts if part)


def _repeats(splits: Splits, text: str) -> str:
    rows = []
    for split, feature in of_each(splits, text).items():
        if (strings := feature.strings) is None:
            continue
        unknown = unknown_share(splits[split], text)
        different = about(f"{strings.unique:,}", is_exact=strings.unique_low == strings.unique_high)
        repeated = about(percent(strings.duplicate_share or 0.0), is_exact=feature.sample_rate == 1)
        unknown_cell = "" if unknown is None else percent(unknown)
        rows.append([split_name(split), different, repeated, unknown_cell, _scripts(strings.scripts or {})])
    head = ["Split", "Different texts", "Rows that repeat a text", "Unknown tokens", "Letters"]
    return table(head, rows, ["", "number", "number", "number", "letters"])


def _scripts(letters: dict[str, float]) -> str:
    whole = sum(letters.values())
    first = sorted(letters.items(), key=lambda item: (-item[1], item[0]))[:4]
    return ", ".join(f"{escape(name)} {percent(count / whole)}" for name, count in first) or "none"


def _coverage(splits: Splits, text: str) -> str:
    """What share of the texts fits into each `max_length`; of pairs, the share of the pairs."""
    pairs = of_each(splits, TOKENS_OF_BOTH)
    if pairs and text == "text":
        return ""
    lengths = pairs or of_each(splits, f"{text}/tokens")
    within = {split: feature.numbers.within for split, feature in lengths.items() if feature.numbers is not None}
    if not within:
        return '<p class="soft">Give <code>vocabulary</code> to see how many tokens the texts have.</p>'
    split, first = next(iter(within.items()))
    enough = next((bound for bound, share in first.items() if share >= ENOUGH), None)
    rows = []
    for bound in first:
        style = "mark" if bound == enough else ""
        cells = [meter(shares[bound], name, style=style) for name, shares in within.items()]
        rows.append([f'<span class="{style}">{bound}</span>', *cells])
    what = (
        "pairs that are not cut, with [CLS] and two [SEP]" if pairs else "texts that are not cut, with [CLS] and [SEP]"
    )
    found = f"{enough} is the first to hold" if enough else "None of these holds"
    note = f'<p class="soft">Share of the {what}. {found} {percent(ENOUGH)} of {escape(split)}.</p>'
    head = ["max_length", *map(split_name, within)]
    return f"<h3>Which max_length?</h3>{note}{table(head, rows, [''] * len(head))}"


def _tokens(splits: Splits, text: str) -> str:
    tokens = of_each(splits, f"{text}/token")
    if not tokens:
        return ""
    kind = "WordPieces" if of_each(splits, f"{text}/tokens") else "words"
    is_exact = all(feature.sample_rate == 1 for feature in tokens.values())
    note = f"Share of all {kind} of the split{'' if is_exact else ', estimated from a sample'}."
    listed = shares(tokens, LISTED_TOKENS, "Token", of_values=True)
    return f'<h3>Most frequent {kind}</h3><p class="soft">{note}</p>{listed}'

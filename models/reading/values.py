"""Columns of any type as strings, numbers or lists of classes, and a reason for each value that is none.

Every function takes an array and returns the values, null where there are none, with an array of reasons, null where
the value is good; no array of reasons if all are.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.reading.sources import BLOCK_BYTES
from models.reading.transcoding import FIRST_MARK, MARKS, decode

Converted = tuple[pa.Array, pa.Array | None]

MARK_BYTES = chr(FIRST_MARK).encode()[:2]
MISSING_NUMBERS = pa.array(["", "na", "n/a", "nan", "null", "none"])
NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?$"
INFINITY = r"^[-+]?inf(inity)?$"
TRUE = pa.array(["1", "1.0", "true"])
FALSE = pa.array(["0", "0.0", "false"])


def reason_where(mask: pa.Array, reason: str) -> pa.Array | None:
    """The reason at each true place.

    >>> reason_where(pa.array([True, False]), "odd").to_pylist()
    ['odd', None]
    """
    mask = pc.fill_null(mask, False)
    return pc.if_else(mask, reason, pa.scalar(None, pa.string())) if pc.any(mask).as_py() else None


def first_reason(*reasons: pa.Array | None) -> pa.Array | None:
    """The first reason that each place has."""
    found = [array for array in reasons if array is not None]
    return pc.coalesce(*found) if len(found) > 1 else (found[0] if found else None)


def strings(column: pa.Array, *, fractions: bool = False) -> Converted:
    """Values as strings; whole numbers lose the `.0` that gaps in a column give them.

    Args:
        column: of any type.
        fractions: whether other floating-point numbers are good, too; otherwise they are `wrong_type`.

    Reasons: wrong_type, undecodable (bad bytes), too_large.

    >>> strings(pa.array([1.0, 0.5, None]))[0].to_pylist(), strings(pa.array([0.5]), fractions=True)[0].to_pylist()
    (['1', None, None], ['0.5'])
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        return _floats_as_strings(column.cast(pa.float64()), fractions)
    if not is_text(column.type):
        try:
            return column.cast(pa.string()), None
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            return pa.nulls(len(column), pa.string()), reason_where(pc.is_valid(column), "wrong_type")
    valid = _valid_utf8(column)
    return valid, first_reason(_undecodable(valid), _too_large(valid))


def texts(column: pa.Array) -> Converted:
    """As `strings`, but a number is no text.

    >>> texts(pa.array([5, None]))[1].to_pylist()
    ['wrong_type', None]
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if is_text(kind):
        return strings(column)
    return pa.nulls(len(column), pa.string()), reason_where(pc.is_valid(column), "wrong_type")


def trimmed(column: pa.Array, *, fractions: bool = False) -> Converted:
    """As `strings`, without white space around them; null where nothing is left."""
    words, reasons = strings(column, fractions=fractions)
    words = pc.utf8_trim_whitespace(words)
    return pc.if_else(pc.equal(words, ""), pa.scalar(None, pa.string()), words), reasons


def numbers(column: pa.Array) -> Converted:
    """Values as doubles. Not a number, and what people write for it (NA, null, None, nothing), is null.

    Reasons: not_a_number, not_finite.

    >>> numbers(pa.array([" 1.5", "+2e3", "NA", "many"]))[0].to_pylist()
    [1.5, 2000.0, None, None]
    >>> numbers(pa.array(["many", "-inf"]))[1].to_pylist()
    ['not_a_number', 'not_finite']
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    wrong = None
    if is_text(column.type):
        values, wrong = _parsed_numbers(_valid_utf8(column))
    elif pa.types.is_boolean(column.type):
        values = column.cast(pa.int8()).cast(pa.float64())
    else:
        try:
            values = column.cast(pa.float64(), safe=False)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            return pa.nulls(len(column), pa.float64()), reason_where(pc.is_valid(column), "not_a_number")
    infinite = pc.is_inf(values)
    values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))
    return values, first_reason(wrong, reason_where(infinite, "not_finite"))


def flags(column: pa.Array) -> Converted:
    """Indicators as booleans: 0, 1, true and false, as numbers or words.

    Reasons: wrong_type.

    >>> flags(pa.array(["1", "False", None]))[0].to_pylist()
    [True, False, None]
    """
    words, reasons = trimmed(column, fractions=True)
    words = pc.utf8_lower(words)
    yes, no = pc.is_in(words, TRUE), pc.is_in(words, FALSE)
    values = pc.if_else(yes, True, pc.if_else(no, False, pa.scalar(None, pa.bool_())))
    odd = pc.and_(pc.is_valid(words), pc.is_null(values))
    return values, first_reason(reasons, reason_where(odd, "wrong_type"))


def classes(column: pa.Array, separator: str | None) -> Converted:
    """Sets of classes as sorted lists without repeats, from lists or strings, cut at a separator if there is one.

    Reasons: wrong_type, undecodable, too_large.

    >>> classes(pa.array(["b|a|b", None]), "|")[0].to_pylist(), classes(pa.array([["x"], []]), None)[0].to_pylist()
    ([['a', 'b'], None], [['x'], []])
    """
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.list_(pa.string())), None
    reasons = None
    if not is_list(column.type):
        words, reasons = trimmed(column)
        column = _single(words)
    parents = pc.list_parent_indices(column)
    items, item_reasons = trimmed(pc.list_flatten(column))
    reasons = first_reason(reasons, _first_of_each(len(column), parents, item_reasons))
    if separator is not None:
        cut = pc.split_pattern(items, separator)
        parents = parents.take(pc.list_parent_indices(cut))
        items, _ = trimmed(pc.list_flatten(cut))
    return _sorted_lists(pc.is_valid(column), parents, items), reasons


def class_lists(names: tuple[str, ...], indicators: list[pa.Array]) -> pa.Array:
    """Lists of classes from their indicators; null where one of them is.

    >>> class_lists(("b", "a"), [pa.array([True, False]), pa.array([True, False])]).to_pylist()
    [['a', 'b'], []]
    """
    complete = pc.is_valid(indicators[0])
    for indicator in indicators[1:]:
        complete = pc.and_(complete, pc.is_valid(indicator))
    table = np.stack(
        [pc.fill_null(indicator, False).to_numpy(zero_copy_only=False) for indicator in indicators], axis=1
    )
    table &= complete.to_numpy(zero_copy_only=False)[:, None]
    parents, which = np.nonzero(table)
    return _sorted_lists(complete, pa.array(parents), pa.array(names, pa.string()).take(pa.array(which)))


def is_text(kind: pa.DataType) -> bool:
    """Whether values of a type are strings or bytes."""
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_binary_view,
            pa.types.is_fixed_size_binary,
        )
    )


def is_list(kind: pa.DataType) -> bool:
    """Whether values of a type are lists."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _floats_as_strings(column: pa.Array, fractions: bool) -> Converted:
    column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)  # pandas' sign of a gap
    fits = pc.less(pc.abs(column), 2.0**63)
    whole = pc.fill_null(pc.and_(fits, pc.equal(column, pc.round(column))), False)
    whole_numbers = pc.if_else(whole, column, pa.scalar(None, pa.float64())).cast(pa.int64()).cast(pa.string())
    if fractions:
        return pc.coalesce(whole_numbers, column.cast(pa.string())), None
    return whole_numbers, reason_where(pc.and_(pc.is_valid(column), pc.invert(whole)), "wrong_type")


def _valid_utf8(column: pa.Array) -> pa.Array:
    """Text or bytes as strings; bad bytes become marks."""
    try:
        return column.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        values = column.cast(pa.binary()).to_pylist()
        return pa.array([None if value is None else decode(value, "utf-8") for value in values], pa.string())


def _bytes_of(words: pa.Array) -> bytes:
    """All strings in one. An array may be a part of another, whose bytes are not meant."""
    _, offsets, data = words.buffers()
    if data is None or not len(words):
        return b""
    start, end = np.frombuffer(offsets, np.int32)[[words.offset, words.offset + len(words)]].tolist()
    return data.slice(start, end - start).to_pybytes()


def _undecodable(words: pa.Array) -> pa.Array | None:
    # A look for two bytes anywhere costs next to nothing, the regular expression 40 ns a value.
    if MARK_BYTES not in _bytes_of(words):
        return None
    return reason_where(pc.match_substring_regex(words, MARKS), "undecodable")


def _too_large(words: pa.Array) -> pa.Array | None:
    if len(_bytes_of(words)) <= BLOCK_BYTES:
        return None
    return reason_where(pc.greater(pc.binary_length(words), BLOCK_BYTES), "too_large")


def _parsed_numbers(column: pa.Array) -> Converted:
    words = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    words = pc.if_else(pc.is_in(words, MISSING_NUMBERS), pa.scalar(None, pa.string()), words)
    try:
        return words.cast(pa.float64()), None
    except pa.ArrowInvalid:
        pass
    is_number = pc.match_substring_regex(words, NUMBER)
    is_infinite = pc.match_substring_regex(words, INFINITY)
    plain = pc.if_else(
        is_number, pc.utf8_ltrim(words, "+"), pc.if_else(is_infinite, "inf", pa.scalar(None, pa.string()))
    )
    odd = pc.and_(pc.is_valid(words), pc.is_null(plain))
    return plain.cast(pa.float64()), reason_where(odd, "not_a_number")


def _sorted_lists(valid: pa.Array, parents: pa.Array, items: pa.Array) -> pa.Array:
    """Lists of the items that are there, sorted, each item once; null where not valid."""
    pairs = pa.table({"parent": parents.cast(pa.int64()), "item": items})
    pairs = pairs.filter(pc.is_valid(pairs["item"])).group_by(["parent", "item"]).aggregate([])
    pairs = pairs.sort_by([("parent", "ascending"), ("item", "ascending")]).combine_chunks()
    counts = np.bincount(pairs["parent"].to_numpy(), minlength=len(valid))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    values = pa.concat_arrays(pairs["item"].chunks or [pa.array([], pa.string())])
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pc.invert(valid))


def _single(words: pa.Array) -> pa.Array:
    """Each value as a list of one."""
    offsets = pa.array(np.arange(len(words) + 1, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, words, mask=pc.is_null(words))


def _first_of_each(length: int, parents: pa.Array, reasons: pa.Array | None) -> pa.Array | None:
    """Reasons of items as reasons of their lists."""
    if reasons is None:
        return None
    found: list[str | None] = [None] * length
    for parent, reason in zip(parents.to_pylist(), reasons.to_pylist(), strict=True):
        found[parent] = found[parent] or reason
    return pa.array(found, pa.string())

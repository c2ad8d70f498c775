"""Whether roles and columns fit: each column there, once, in one role, and of a type that can play it."""

from models.reading.data_files import DataFile
from models.reading.roles import Roles
from models.reading.sources import Source
from schemas.errors import UserError, did_you_mean

# Columns to evaluate by and to group by may be anything else, too, but not what is unique to a record.
SHARED = {
    "slices": ("label", "numeric", "categorical", "group", "weight"),
    "group": ("categorical", "slices"),
}

SCALAR = ("text", "number", "fraction", "other")
KINDS = {
    "text": ("text",),
    "text_pair": ("text",),
    "label": ("text", "number", "fraction"),
    "weight": ("text", "number", "fraction"),
    "numeric": ("text", "number", "fraction"),
    "id": SCALAR,
    "group": SCALAR,
    "split": ("text",),
    "categorical": SCALAR,
    "slices": SCALAR,
}


def check_roles(source: Source) -> None:
    """Refuse roles that contradict each other or the format; raises UserError."""
    roles, where = source.roles, source.wanted_by
    if roles.text is None and not (roles.numeric or roles.categorical):
        raise UserError(f"{where}: no column has anything to learn from. Set text:, numeric: or categorical:.")
    if roles.text is None and roles.text_pair is not None:
        raise UserError(f"{where}.text_pair: '{roles.text_pair}' is the second of two texts. Set text: to the first.")
    _check_label_kind(roles, where)
    _check_shared(roles, where)
    if source.format == "folders":
        _check_folder_roles(roles, where)


def _check_label_kind(roles: Roles, where: str) -> None:
    if len(roles.label) > 1 and roles.label_kind != "classes":
        raise UserError(
            f"{where}.label: {len(roles.label)} columns ({', '.join(roles.label)}) for label_kind "
            f"{roles.label_kind}. Expected one; several indicator columns need label_kind: classes."
        )
    if roles.label_separator is not None and not (roles.has_lists and roles.label_separator):
        raise UserError(
            f"{where}.label_separator: {roles.label_separator!r} has nothing to cut. It is one or more characters and "
            "goes with one label column and label_kind: classes."
        )


def _check_shared(roles: Roles, where: str) -> None:
    """No column twice, unless its two roles go together."""
    found: dict[str, list[str]] = {}
    for role, column in roles.named():
        others = found.setdefault(column, [])
        if role in others:
            raise UserError(f"{where}.{role}: '{column}' is named twice. Name it once.")
        for other in others:
            if other not in SHARED.get(role, ()) and role not in SHARED.get(other, ()):
                raise UserError(
                    f"{where}.{role}: {other} and {role} are both '{column}'. Expected two columns, since the one "
                    "would give the other away or mean nothing."
                )
        others.append(role)


def _check_folder_roles(roles: Roles, where: str) -> None:
    odd = [role for role, _ in roles.named() if role not in ("text", "label")]
    if odd or roles.text is None or (roles.label and roles.label_kind != "class"):
        raise UserError(
            f"{where}.{(odd or ['label_kind' if roles.text else 'text'])[0]}: format folders has one text a file and "
            "one class a folder, no other columns. Leave it out, or give the records as a table."
        )


def check_columns(source: Source, file: DataFile | str, columns: list[str]) -> None:
    """Every column that has a role must be there, once.

    Args:
        source: whose roles are asked for.
        file: where the columns are from, for messages.
        columns: what is there.

    Raises:
        UserError: with what is there and what was probably meant.
    """
    name = file if isinstance(file, str) else source.name(file)
    for role, column in source.roles.named():
        if columns.count(column) == 1:
            continue
        trouble = f"has {columns.count(column)} columns" if column in columns else "has no column"
        raise UserError(
            f"{source.wanted_by}.{role}: {name} {trouble} '{column}'.{did_you_mean(column, columns)} It has: "
            f"{', '.join(columns)}. Set {role}: to the right one.{_separator_hint(source, columns)}"
        )


def _separator_hint(source: Source, columns: list[str]) -> str:
    separator = "comma" if source.format == "csv" else "tab"
    if source.format in ("csv", "tsv") and len(columns) == 1:
        return f" One column only: format {source.format} expects a {separator} between columns."
    return ""


def check_kinds(source: Source, file: DataFile | str, kinds: dict[str, str], types: dict[str, str]) -> None:
    """Every column that has a role must be of a kind that can play it.

    Args:
        source: whose roles are asked for.
        file: where the columns are from, for messages.
        kinds: of each column: text, number (whole numbers and booleans), fraction, other (dates and the like), list
            or nested; none where it cannot be told.
        types: of each column, as its format calls it.

    Raises:
        UserError: with the type and what was expected.
    """
    name = file if isinstance(file, str) else source.name(file)
    for role, column in source.roles.named():
        kind = kinds.get(column, "none")
        may_be_list = role == "label" and source.roles.has_lists and source.roles.label_separator is None
        if kind in ("none", *KINDS[role]) or (kind == "list" and may_be_list):
            continue
        expected = _expected(role, source.roles)
        raise UserError(
            f"{source.wanted_by}.{role}: column '{column}' of {name} has type {types[column]}. Expected {expected}."
        )


def _expected(role: str, roles: Roles) -> str:
    if role == "label":
        value = {"class": "strings or whole numbers", "classes": "lists of strings", "value": "numbers"}
        hint = " (a list of classes needs label_kind: classes)" if roles.label_kind == "class" else ""
        return value[roles.label_kind] + hint
    if role in ("numeric", "weight"):
        return "numbers"
    return "strings" if role in ("text", "text_pair", "split") else "strings, numbers or dates"

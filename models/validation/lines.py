"""Where a field of a schema stands in its file, and how to write what should stand there.

Every edit is one line: what to replace, add or delete, at which line, in the words of the file itself.

```
schema.pbtxt line 12: replace `min_fraction: 1` with `min_fraction: 0.97`
schema.pbtxt line 30: after `value: "good"` add `value: "fair"`
schema.pbtxt lines 12 to 15: delete `presence { ... }`
schema.pbtxt: at its end add `feature { name: "age" type: FLOAT }`
```
"""

import re
from dataclasses import dataclass, field

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schemas.errors import UserError

TOKEN = re.compile(
    r"""(?P<skip>[\s,;]+|\#[^\n]*)|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<sign>[{}<>\[\]:])"""
    r"""|(?P<word>[^\s{}<>\[\]:,;"'#]+)"""
)
OPEN, CLOSE = "{<", "}>"


@dataclass
class Node:
    """A field of a text proto: offsets of its first and behind its last character, and of its inside."""

    name: str
    start: int
    stop: int = 0
    inside: int | None = None
    children: list["Node"] = field(default_factory=list)

    def all(self, name: str) -> list["Node"]:
        """The fields of that name below this one."""
        return [child for child in self.children if child.name == name]


class SchemaText:
    """A schema with the text that it was read from.

    Args:
        name: of the file, for people.
        text: the Schema in text form.
        wanted_by: `component.parameter`, for the error message.

    Raises:
        UserError: the text is no Schema; names line and column.
    """

    def __init__(self, name: str, text: str, *, wanted_by: str) -> None:
        self.name = name
        self.text = text
        try:
            self.proto = text_format.Parse(text, schema_pb2.Schema())
        except text_format.ParseError as error:
            where = f"line {error.GetLine()}, column {error.GetColumn()}"
            reason = re.sub(r"^\d+:\d+ : ", "", str(error))
            raise UserError(
                f"{wanted_by}: {name} {where} is not the text form of a tensorflow_metadata Schema: {reason} "
                "Correct that line, or start from the schema.pbtxt that infer_schema writes."
            ) from None
        self.root = _parse(text)
        self._features = self.root.all("feature")

    def feature(self, index: int) -> "Block":
        """The feature at that position of the schema."""
        return Block(self, self._features[index])

    def block(self, name: str, index: int) -> "Block":
        """Another message at the top of the schema, such as the second string_domain."""
        return Block(self, self.root.all(name)[index])

    @property
    def whole(self) -> "Block":
        """The schema itself."""
        return Block(self, self.root)

    def line(self, offset: int) -> int:
        """The line of a character, counted from 1."""
        return self.text.count("\n", 0, offset) + 1


@dataclass(frozen=True)
class Block:
    """A message inside a schema's text. Fields are given by path, such as `presence.min_fraction`."""

    file: SchemaText
    node: Node

    def write(self, path: str, value: str) -> str:
        """How to give a field a value, whether it stands there or not; `value` as it is written in the file."""
        deepest, missing = self._descend(path.split("."))
        if not missing:
            name = path.rpartition(".")[2]
            return f"{self._where(deepest.start)}: replace `{self._source(deepest)}` with `{name}: {value}`"
        return self._insertion(deepest, _nested(missing, [f"{missing[-1]}: {value}"]))

    def append(self, path: str, values: list[str]) -> str:
        """How to add values to a repeated field."""
        *outer, name = path.split(".")
        deepest, missing = self._descend(outer)
        return self._insertion(deepest, _nested([*missing, name], [f"{name}: {value}" for value in values]))

    def append_text(self, new: str) -> str:
        """How to add a whole message at the end of the schema."""
        return f"{self.file.name}: at its end add `{new}`"

    def delete(self, path: str = "") -> str:
        """How to get rid of a field, or of the whole block."""
        node, missing = self._descend(path.split(".") if path else [])
        assert not missing, (path, missing)
        first, last = self.file.line(node.start), self.file.line(node.stop)
        source = self._source(node) if first == last else f"{self._opening(node)} ... {self.file.text[node.stop - 1]}"
        lines = f"line {first}" if first == last else f"lines {first} to {last}"
        return f"{self.file.name} {lines}: delete `{source}`"

    def _descend(self, path: list[str]) -> tuple[Node, list[str]]:
        """The deepest field there is on the way, and the rest of the way."""
        node = self.node
        for depth, name in enumerate(path):
            below = node.all(name)
            if not below:
                return node, path[depth:]
            node = below[-1]
        return node, []

    def _insertion(self, node: Node, new: str) -> str:
        if node.inside is None:
            return self.append_text(new)
        anchor = next(iter([*reversed(node.all(new.partition(":")[0])), *node.all("name")]), None)
        if anchor is None or anchor.inside is not None:
            return f"{self._where(node.inside)}: after `{self._opening(node)}` add `{new}`"
        return f"{self._where(anchor.stop)}: after `{self._source(anchor)}` add `{new}`"

    def _where(self, offset: int) -> str:
        return f"{self.file.name} line {self.file.line(offset)}"

    def _source(self, node: Node) -> str:
        return self.file.text[node.start : node.stop]

    def _opening(self, node: Node) -> str:
        return self.file.text[node.start : node.inside]


def quoted(value: str) -> str:
    r"""A string as a text proto writes it.

    >>> print(quoted('5" – naïve\n'))
    "5\" – naïve\n"
    """
    printed = text_format.MessageToString(schema_pb2.StringDomain(name=value), as_utf8=True)
    return printed.removeprefix("name: ").rstrip("\n")


def _nested(path: list[str], fields: list[str]) -> str:
    """Fields inside the messages that are still missing.

    >>> _nested(["presence", "min_count"], ["min_count: 1"])
    'presence { min_count: 1 }'
    """
    inside = " ".join(fields)
    for name in reversed(path[:-1]):
        inside = f"{name} {{ {inside} }}"
    return inside


def _parse(text: str) -> Node:
    """The fields of a text proto that is known to be well formed."""
    root = Node("", 0, len(text))
    _fields(root, [match for match in TOKEN.finditer(text) if match.lastgroup != "skip"], 0)
    return root


def _fields(parent: Node, tokens: list["re.Match[str]"], at: int) -> int:
    """Read the fields of a message; returns the place of the brace that closes it."""
    while at < len(tokens) and tokens[at].group() not in CLOSE:
        name = tokens[at]
        if name.group() == "[":  # the type of an Any
            at = _closing(tokens, at)
        at += 1
        if tokens[at].group() == ":":
            at += 1
        if tokens[at].group() != "[":
            at = _value(parent, name, tokens, at)
        elif tokens[at + 1].group() in OPEN:
            at += 1
            while tokens[at].group() != "]":
                at = _value(parent, name, tokens, at)
            at += 1
        else:
            at = _closing(tokens, at)
            parent.children.append(Node(name.group(), name.start(), tokens[at].end()))
            at += 1
    return at


def _value(parent: Node, name: "re.Match[str]", tokens: list["re.Match[str]"], at: int) -> int:
    """Read one value, a message or a scalar; returns the place behind it."""
    node = Node(name.group(), name.start())
    parent.children.append(node)
    if tokens[at].group() in OPEN:
        node.inside = tokens[at].end()
        at = _fields(node, tokens, at + 1)
    else:
        while tokens[at].lastgroup == "text" and at + 1 < len(tokens) and tokens[at + 1].lastgroup == "text":
            at += 1  # a string may come in pieces
    node.stop = tokens[at].end()
    return at + 1


def _closing(tokens: list["re.Match[str]"], at: int) -> int:
    return next(i for i in range(at, len(tokens)) if tokens[i].group() == "]")

"""A self-contained HTML page: one file, no scripts, no network, light or dark as the reader likes it."""

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --line: #e3e6ec; --paper: #ffffff;
  --panel: #f6f7f9; --accent: #2563eb; --good: #15803d; --bad: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2e3644; --paper: #12161d;
  --panel: #1a202a; --accent: #6ea0ff; --good: #4ade80; --bad: #fb923c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 2.5rem 0 .6rem; }
p { margin: .3rem 0; }
.soft { color: var(--soft); }
.good { color: var(--good); }
.bad { color: var(--bad); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .85rem; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.text { overflow-wrap: anywhere; }
"""


def page(title: str, body: str, style: str = "") -> str:
    """A whole page; `title` is escaped, `body` is HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kinds: Sequence[str]) -> str:
    """A table of cells that are HTML already; `kinds` names each column's class: number, text or nothing.

    >>> table(["Label", "Rows"], [["a", "3"]], ["", "number"])
    '<div class="wide"><table><tr><th class="">Label</th>...<td class="number">3</td></tr></table></div>'
    """
    parts = [_row("th", head, kinds), *(_row("td", row, kinds) for row in rows)]
    return f'<div class="wide"><table>{"".join(parts)}</table></div>'


def shorten(text: str, length: int) -> str:
    """The beginning of a text, on one line.

    >>> shorten("a long story", 7)
    'a long…'
    """
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _row(tag: str, cells: Sequence[str], kinds: Sequence[str]) -> str:
    inside = "".join(f'<{tag} class="{kind}">{cell}</{tag}>' for cell, kind in zip(cells, kinds, strict=True))
    return f"<tr>{inside}</tr>"

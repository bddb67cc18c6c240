"""Python expressions as trees, written out as a formatter would: on one line where they fit, else one item a line."""

from __future__ import annotations

from dataclasses import dataclass

WIDTH = 120
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Text:
    """Source that is never broken: a name, a literal."""

    source: str


@dataclass(frozen=True, slots=True)
class Bracketed:
    """A call, a list, a mapping: a head, brackets, and items with what stands before each of them."""

    head: str
    brackets: str
    """The opening and the closing bracket."""
    items: tuple[tuple[str, Node], ...]
    """Each with its prefix, such as ``retries=`` or ``"key": ``."""
    comma: bool = False
    """Whether one item alone needs a comma behind it, as in a tuple."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Parts written one behind the other: ``Operator.partial(…)`` and ``.expand(…)``."""

    parts: tuple[Node, ...]

    def links(self) -> list[tuple[Node, ...]]:
        """The parts in groups, each after the first beginning with a method of what came before."""
        found: list[list[Node]] = []
        for part in self.parts:
            if found and not (isinstance(part, Bracketed) and part.head.startswith(".")):
                found[-1].append(part)
            else:
                found.append([part])
        return [tuple(link) for link in found]

    @property
    def fluent(self) -> bool:
        """Whether methods are called on what calls return, twice or more: such chains stand one method a line."""
        return sum(isinstance(link[-1], Bracketed) for link in self.links()[:-1]) > 1


Node = Text | Bracketed | Chain


def flat(node: Node) -> str:
    """An expression on one line, however long; a text of several lines keeps them."""
    if isinstance(node, Text):
        return node.source
    if isinstance(node, Chain):
        return "".join(map(flat, node.parts))
    inside = ", ".join(prefix + flat(item) for prefix, item in node.items)
    return f"{node.head}{node.brackets[0]}{inside}{',' if node.comma and len(node.items) == 1 else ''}{node.brackets[1]}"


def write(node: Node, *, before: str = "", after: str = "", depth: int = 0) -> str:
    """A line, or as many as it takes, of ``before``, the expression and ``after``.

    :param depth: How deep the line is indented; what comes back is.
    """
    margin = INDENT * depth
    if isinstance(node, Chain) and node.fluent and len(margin + before + flat(node) + after) > WIDTH:
        lines = [write(Chain(link), depth=depth + 1) for link in node.links()]
        return "\n".join([f"{margin}{before}(", *lines, f"{margin}){after}"])
    return f"{margin}{before}{_written(node, depth, len(margin) + len(before), len(after))}{after}"


def _written(node: Node, depth: int, column: int, after: int) -> str:
    """An expression that begins at a column, with so many characters behind its end."""
    line = flat(node)
    if isinstance(node, Text) or ("\n" not in line and column + len(line) + after <= WIDTH):
        return line
    if isinstance(node, Chain):
        return _chain(node, depth, column, after)
    if not node.items:
        return line
    margin = INDENT * (depth + 1)
    lines = [
        f"{margin}{prefix}{_written(item, depth + 1, len(margin) + len(prefix), 1)},"  # the comma behind it
        for prefix, item in node.items
    ]
    return "\n".join([f"{node.head}{node.brackets[0]}", *lines, f"{INDENT * depth}{node.brackets[1]}"])


def _chain(node: Chain, depth: int, column: int, after: int) -> str:
    """The last part is broken first; the others only where that is not enough."""
    *heads, last = node.parts
    head = "".join(map(flat, heads))
    opening = f"{last.head}{last.brackets[0]}" if isinstance(last, Bracketed) and last.items else flat(last)
    if "\n" not in head and column + len(head) + len(opening) <= WIDTH:
        return head + _written(last, depth, column + len(head), after)
    done = ""
    for part in node.parts:
        tail = len(done) - done.rfind("\n") - 1 if "\n" in done else column + len(done)
        ending = flat(part) if "\n" in flat(part) else ""
        done += _exploded(part, depth) if isinstance(part, Bracketed) and part.items else ending or _written(part, depth, tail, after)
    return done


def _exploded(node: Bracketed, depth: int) -> str:
    return _written(node, depth, WIDTH + 1, 0)


def quoted(text: str) -> str:
    """A text as a literal: double quotes, unless single ones spare escapes; several lines between triple quotes where that is safe."""
    if "\n" in text and _plain(text):
        return '"""' + text.replace("\\", "\\\\") + '"""'
    body = repr(text + '"')[1:-2]  # with a double quote in it, repr takes single ones
    if text.count('"') > text.count("'"):
        return f"'{body}'"
    return '"' + body.replace("\\'", "'").replace('"', '\\"') + '"'


def _plain(text: str) -> bool:
    """Whether triple quotes show a text as it is."""
    return '"""' not in text and not text.endswith('"') and all(character.isprintable() or character in "\n\t" for character in text)

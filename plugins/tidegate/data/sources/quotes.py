"""Whether the quotes of a CSV file are all where a value in quotes begins or ends, looked at while its bytes go by.

Arrow takes a file that ends within quotes as it is, and makes one value of all rows from a quote too many up to the next. Here each quote is looked at with
the bytes beside it, and means what it means to Python's ``csv`` with ``strict=True``: where a value begins it begins one in quotes, elsewhere it is a letter
like any other (``5" disk``); within quotes two are one, and a single one ends the value. Whole blocks are looked at by NumPy, and gone through quote by
quote only where a quote is a letter.
"""

from __future__ import annotations

import codecs
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

_QUOTE, _MARK = ord('"'), b"\xef\xbb\xbf"
_OTHERS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
"""How files of other encodings begin; that of UTF-32 begins with that of UTF-16."""
_BLOCK = 4 << 20
_PIECE = 1 << 18
"""So many bytes are looked at at once: what is made of them stays in a processor's cache."""
_HINT = (
    "Look there: the file may be cut off, or a quote is missing or one too many. Within quotes a quote is written twice; behind the last one comes the "
    "delimiter or the end of the line."
)


class Astray(Exception):
    """A value in quotes that has no end, or more behind its end."""

    def __init__(self, begun: int, closed: int | None = None) -> None:
        super().__init__(begun, closed)
        self.begun = begun
        """Which byte of the file its first quote is."""
        self.closed = closed
        """Which byte the quote is that has more behind it; None where there is no end."""


class Quotes:
    """What is known of the quotes of a file up to some byte."""

    def __init__(self, delimiter: str) -> None:
        self._edges = frozenset(f'{delimiter}\r\n"'.encode())
        """Bytes of which one stands before the first quote of a value, and behind its last; a quote does so beside another."""
        self._kept = b""
        """The last byte that was looked at; and a quote behind it, which only the next byte tells the meaning of."""
        self._at: int | None = None
        """Which byte of the file the first of the kept ones is; None where none has been looked at."""
        self._closed: int | None = None
        """Which byte the last quote is that ended a value, or was the first of two."""
        self.within = False
        """Whether a value in quotes has not ended."""
        self.begun = 0
        """Which byte the first quote of the last such value is."""

    def take(self, block: bytes) -> None:
        """Look at the next bytes.

        :raises Astray: a value in quotes has more behind its end.
        """
        for start in range(0, len(block), _PIECE):
            self._take(block[start : start + _PIECE])

    def _take(self, block: bytes) -> None:
        text = self._kept + block
        if self._at is None:
            if len(text) < len(_MARK) and _MARK.startswith(text):
                self._kept = text
                return
            marked = len(_MARK) if text.startswith(_MARK) else 0
            text, self._at = b"\n" + text[marked:], marked - 1  # as if a line ended before the first
        end = len(text) - 1 if len(text) > 1 and text[-1] == _QUOTE else len(text)
        if text.find(b'"', 1, end) > 0:
            codes = np.frombuffer(text, np.uint8)
            places = np.flatnonzero(codes[1:end] == _QUOTE) + 1
            if not self._plain(codes, places):
                self._each(text, places.tolist())
        self._kept, self._at = text[end - 1 :], self._at + end - 1

    def finish(self) -> None:
        """Look at what was kept, for there is nothing behind it.

        :raises Astray: a value in quotes has no end.
        """
        self.take(b"\n")
        if self.within:
            raise Astray(self.begun)

    def _plain(self, codes: NDArray[np.uint8], places: NDArray[np.intp]) -> bool:
        """Take all the quotes for what begins and ends values, by turns, where all of them stand beside an edge; false where one does not."""
        at = self._at or 0
        first, last = places[self.within :: 2], places[not self.within :: 2]
        if not (self._all_edges(codes[first - 1]) and self._all_edges(codes[last + 1])):
            return False
        if first.size and first[0] == 1 and codes[0] == _QUOTE and self._closed != at:
            return False  # beside a quote that is a letter
        self.within ^= bool(places.size % 2)
        begun = next((place for place in first[::-1] if codes[place - 1] != _QUOTE), None) if self.within else None
        self.begun = self.begun if begun is None else at + int(begun)
        self._closed = at + int(last[-1]) if last.size else self._closed
        return True

    def _all_edges(self, codes: NDArray[np.uint8]) -> bool:
        found = np.zeros(len(codes), bool)
        for edge in self._edges:
            found |= codes == edge
        return bool(found.all())

    def _each(self, text: bytes, places: list[int]) -> None:
        at = self._at or 0
        for place in places:
            if self.within:
                self._closed = at + place
                if text[place + 1] not in self._edges:
                    raise Astray(self.begun, self._closed)
                self.within = False
            elif self._closed is not None and self._closed == at + place - 1:
                self.within = True  # the second of two
            elif text[place - 1] in self._edges and text[place - 1] != _QUOTE:
                self.within, self.begun = True, at + place


class _Watched(io.RawIOBase):
    """The stream up to where a quote has led it astray: Arrow reads in threads of its own, which nothing is raised through."""

    def __init__(self, stream: Any, quotes: Quotes) -> None:
        self._stream = stream
        self._quotes = quotes
        self._ahead: list[bytes] = []
        self._held = b""
        """A CR at the end of a block comes with the next one: Arrow would forget the LF behind it, also in a value in quotes."""
        self.begins = b""
        """The first bytes, which tell another encoding."""
        self.astray: Astray | None = None

    def readable(self) -> bool:
        return True

    def look(self, size: int) -> None:
        """Look at two blocks of such a size before anybody asks, so that Arrow gets nothing of a small file that is astray.

        Of a small file the last line gets the end that it may lack: Arrow takes no line of names without one.
        """
        first, second = self._next(size - 1), self._next(size - 1)
        if first and not second and not first.endswith(b"\n"):
            first += b"\n"
        self._ahead = [first, second]

    def read(self, size: int = -1) -> bytes:
        block = self._ahead.pop(0) if self._ahead else self._next(size - len(self._held))
        whole, self._held = self._held + block, b""
        if block and whole.endswith(b"\r"):
            whole, self._held = whole[:-1], b"\r"
        return whole or (self.read(size) if self._held else b"")

    def _next(self, size: int) -> bytes:
        if self.astray is not None:
            return b""
        block: bytes = self._stream.read(size)
        self.begins = self.begins or block[:4]
        try:
            if block:
                self._quotes.take(block)
            else:
                self._quotes.finish()
        except Astray as astray:
            self.astray = astray
            return b""
        return block


@contextmanager
def watched(stream: Any, *, delimiter: str, block: int, where: str, again: Callable[[], AbstractContextManager[Any]]) -> Iterator[Any]:
    """The same stream of CSV, which ends where a quote has led it astray; that is refused when the block ends.

    :param block: how many bytes Arrow looks at at once.
    :param where: begins the message.
    :param again: opens the file anew, to find the line.
    :raises DataRefused: it is not UTF-8 by its first bytes, ends within quotes, has more behind the end of a value in quotes, or a row that is longer than a block.
    """
    quotes = Quotes(delimiter)
    looking = _Watched(stream, quotes)

    def line(byte: int) -> int:
        with again() as anew:
            return _line(anew, byte)

    def astray() -> DataRefused | None:
        if (found := looking.astray) is None:
            return None
        begun = line(found.begun)
        if found.closed is None:
            message = f"{where} ends within quotes: a value that begins in line {begun} has no closing one."
        else:
            message = f"{where} has more behind the closing quote in line {line(found.closed)} of a value that begins in line {begun}."
        return DataRefused(message, hint=_HINT)

    looking.look(block)
    _check_encoding(looking.begins, where=where)
    if (refused := astray()) is not None:
        raise refused
    with pa.PythonFile(looking, "r") as seen:
        try:
            yield seen
        except pa.ArrowInvalid as error:
            if (refused := astray()) is not None:
                raise refused from None
            if "straddling object" not in str(error):
                raise
            message = f"{where} has a row of more than {block >> 20} MB."
            hint = "A quote too many may be why; bring rows that are so long as JSON, one object a line, or as Parquet."
            raise DataRefused(message, hint=hint) from error
    if (refused := astray()) is not None:
        raise refused


def _line(stream: Any, byte: int) -> int:
    """The number of the line that a byte is in."""
    ends = dict.fromkeys((b"\n", b"\r"), 0)
    while byte > 0 and (block := stream.read(min(byte, _BLOCK))):
        byte -= len(block)
        for end in ends:
            ends[end] += block.count(end)
    return 1 + (ends[b"\n"] or ends[b"\r"])


def _check_encoding(begins: bytes, *, where: str) -> None:
    other = next((name for mark, name in _OTHERS.items() if begins.startswith(mark)), None)
    if other is not None:
        message = f"{where} is {other}, by its first bytes, and not UTF-8."
        raise DataRefused(message, hint="Write it as UTF-8: a spreadsheet calls that CSV UTF-8.")

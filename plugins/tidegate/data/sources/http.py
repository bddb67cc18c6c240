"""HTTP APIs as sources: the records of an interval, page by page, as exact as files of JSON.

Pages end by themselves: where the answer leads to no next one, or where one of a number is empty. What would read for ever, or leave out records, is
refused.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx
import pyarrow as pa

from tidegate.data.apis import dialled
from tidegate.data.instants import aware
from tidegate.data.portions import MOST_BYTES
from tidegate.data.sources.objects import Objects, called, each, loaded
from tidegate.errors import DataRefused, QueryRefused, Unreachable
from tidegate.model.http import BIND, BOUNDS, Page
from tidegate.redaction import is_secret
from tidegate.resilience.amounts import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tidegate.data.apis import Answer, Api, Line
    from tidegate.data.contract import Contract
    from tidegate.data.stopping import Stop
    from tidegate.model.http import Http

log = logging.getLogger(__name__)

MOST_PAGES = 100_000
"""More are taken for a way without an end."""
MOST_EMPTY = 100
"""So many pages without a record, one after the other, are taken for the same."""
_LEADING = re.compile(r"next|more|cursor|after|token|link|page", re.IGNORECASE)
_LISTED = 8
"""As many keys of an answer are told."""


@contextmanager
def batches(
    api: Api,
    asked: Http,
    contract: Contract,
    *,
    interval: tuple[datetime, datetime],
    where: str,
    zone: str,
    batch_rows: int,
    correlation_id: str,
    name: str,
    stop: Stop,
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The records of all pages: at least one batch, all of one schema. The block can be stopped while the API is waited for.

    :param interval: its bounds, for what is asked.
    :param where: begins each message; the page's number is put behind it.
    :param name: of the connection.
    :raises DataRefused: a page is no such JSON as is asked for, leads elsewhere or nowhere new, or a value does not fit its type exactly.
    """
    given = {each for name, value in asked.params.items() if is_secret(name) for each in (value if isinstance(value, tuple) else (value,))}
    api = replace(api, hidden=frozenset(map(str, given)))  # a key of the API that stands in the file is no reason to repeat it
    with dialled(api, correlation_id=correlation_id, name=name) as line, stop.watching(line.hang_up):
        bounds = {bound: _written(moment, asked.time, zone) for bound, moment in zip(BOUNDS, interval, strict=True)}
        pages = _Pages(line, asked, bounds, where=where, stop=stop)
        yield _together(pages, contract, where=where, zone=zone, batch_rows=batch_rows)


def _together(pages: _Pages, contract: Contract, *, where: str, zone: str, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The pages in batches of some size, for many small ones make a file that is slow to read."""
    objects, gathered, rows, size, before = Objects(contract, zone=zone), [], 0, 0, 0
    for number, records in enumerate(pages, 1):
        here = f"{where} page {number}"
        rows_of_page = list(each(records, here))
        for start in range(0, len(rows_of_page), batch_rows):
            part = rows_of_page[start : start + batch_rows]
            first_row = start + 1 if contract.misfits is None else before + 1  # what is set aside is counted through all pages
            gathered.append(objects.batch(part, where=here, first_row=first_row, before="the first page"))
            rows, size, before = rows + len(part), size + gathered[-1].nbytes, before + len(part)
            if rows >= batch_rows or size >= MOST_BYTES:
                yield _one(gathered)
                gathered, rows, size = [], 0, 0
    objects.settle()
    if gathered or not before:
        yield _one(gathered or [objects.nothing()])


def _one(gathered: list[pa.RecordBatch]) -> pa.RecordBatch:
    return gathered[0] if len(gathered) == 1 else pa.concat_batches(gathered)


def _written(moment: datetime, how: str | None, zone: str) -> str:
    """A bound of the interval, as the API wants it."""
    utc = aware(moment)
    match how:
        case None:
            return utc.isoformat().replace("+00:00", "Z")
        case "epoch":
            return str(int(utc.timestamp()))
        case "epoch_ms":
            return str(int(utc.timestamp()) * 1000 + utc.microsecond // 1000)
    return utc.astimezone(ZoneInfo(zone)).strftime(how)


def _filled(text: str, bounds: Mapping[str, str]) -> str:
    return BIND.sub(lambda found: bounds[found[1]], text).replace("\\:", ":")


class _Pages:
    """The records of one page after the other."""

    def __init__(self, line: Line, asked: Http, bounds: Mapping[str, str], *, where: str, stop: Stop) -> None:
        self._line = line
        self._asked = asked
        self._page = asked.page or Page.model_construct()
        self._counted = self._page.number or self._page.offset
        """The parameter that says which page is wanted, where it is we who say that."""
        self._where = where
        self._stop = stop
        base = line.api.base
        path = _filled(asked.path, {name: quote(bound, safe="") for name, bound in bounds.items()})
        try:
            url = base.copy_with(path=f"{base.path.rstrip('/')}/{path.lstrip('/')}")
            self._first = url.copy_merge_params({name: _param(value, bounds) for name, value in asked.params.items()})
        except (httpx.InvalidURL, ValueError) as error:
            hint = "Look for letters that nobody sees in path, params, and what is filled in there."
            said = str(error).rstrip(".")
            raise QueryRefused(f"{where} is no address that can be asked: {said}.", hint=hint) from error

    def __iter__(self) -> Iterator[list[Any]]:
        url: httpx.URL | None = self._numbered(0, 0)
        number = read = empty = 0
        seen: set[bytes] = set()
        before: list[Any] = []
        while url is not None:
            number += 1
            here = f"{self._where} page {number}"
            seen.add(_short(url))
            answer = self._asked_for(url, number=number, read=read, where=here)
            told = _said(answer, here)
            records = self._records(told, here)
            if number == 1 and records:
                self._look(answer, told, here)
            yield records
            read, empty = read + len(records), 0 if records else empty + 1
            url = self._next(answer, told, records, number=number, read=read, where=here)
            if url is not None:
                again = _short(url) in seen or (bool(records) and records == before and self._counted is not None)
                if again and not records:
                    break
                self._check(here, again=again, number=number, empty=empty)
            before = records if self._counted is not None else []
        log.info("%s ended with page %s: %s records", self._where.rstrip(","), number, read)

    def _asked_for(self, url: httpx.URL, *, number: int, read: int, where: str) -> Answer:
        """The answer. An API that refuses what lies behind its last page can only be told apart from one that refuses what is asked by the pages before."""
        try:
            return self._line.ask(url, where=where, stop=self._stop)
        except QueryRefused as error:
            if self._counted is None or number == 1:
                raise
            before = f"{counted(read)} came before. An API that answers so behind its last page cannot be read by {self._counted}"
            hint = f"{before}: page by next, link or cursor."
            raise QueryRefused(error.message, hint=hint) from error

    def _look(self, answer: Answer, told: Any, where: str) -> None:
        """Say aloud that nothing leads on from the first page, where that may be a key that is misspelt."""
        page = self._page
        at = page.next or page.cursor
        if at is not None and _at(told, at) is _NOTHING and (beside := _beside(told, at)):
            log.warning(
                "%s has nothing at %s, and so is taken for the last; it has %s. Correct page:, if one of these leads on", where, at, beside
            )
        elif page.link is not None and answer.links and page.link not in answer.links:
            names = ", ".join(list(answer.links)[:_LISTED])
            log.warning(
                "%s has no link %s, and so is taken for the last; it has %s. Correct page:, if one of these leads on",
                where,
                page.link,
                names,
            )

    def _check(self, where: str, *, again: bool, number: int, empty: int) -> None:
        if again and self._counted is not None:
            hint = f"Does the API know the parameter {self._counted}, and is there an empty page behind the last?"
            raise DataRefused(f"{where} has the records of the page before it again.", hint=hint)
        if again:
            hint = "Is it another key that has the next page, or another parameter that takes it?"
            raise DataRefused(f"{where} leads back to a page that was read before.", hint=hint)
        if empty >= MOST_EMPTY or number >= MOST_PAGES:
            what = f"the {empty} before it had no record" if empty >= MOST_EMPTY else "that many are taken for a way without an end"
            raise DataRefused(
                f"{where} leads to another page, but {what}.", hint="Ask for more records a page, or page by number or offset."
            )

    def _next(self, answer: Answer, told: Any, records: list[Any], *, number: int, read: int, where: str) -> httpx.URL | None:
        """The address of the page behind; None where this is the last."""
        page = self._page
        if self._counted is not None:
            return self._numbered(number, read) if records else None
        mark = answer.links.get(page.link) if page.link is not None else self._mark(told)
        if mark is None or mark == "" or mark is False:
            return None
        if mark is True or not isinstance(mark, str if page.cursor is None else str | int):
            raise DataRefused(f"{where} has {called(mark)} where it says what the next page is.", hint="Is it another key that does?")
        if page.param is not None:
            return self._first.copy_merge_params({page.param: str(mark)})
        return self._line.within(answer.url, str(mark), where=where)

    def _mark(self, told: Any) -> Any:
        """What the answer says of the next page; None where it says nothing, or nobody asks."""
        at = self._page.next or self._page.cursor
        return _at(told, at, None) if at is not None else None

    def _numbered(self, number: int, read: int) -> httpx.URL:
        """The address of the page behind so many pages and records."""
        if self._counted is None:
            return self._first
        return self._first.copy_merge_params({self._counted: str(read if self._page.number is None else self._page.first + number)})

    def _records(self, told: Any, where: str) -> list[Any]:
        """The list of a page's records; null is one of none."""
        at = self._asked.records
        found = told if at is None else _at(told, at)
        if found is _NOTHING:
            has = f"it has {', '.join(list(told)[:_LISTED])}" if isinstance(told, dict) and told else "it is no object with keys"
            raise DataRefused(f"{where} has nothing at {at}; {has}.", hint="Say under records where the list stands in the answer.")
        if found is None:
            return []
        if not isinstance(found, list):
            here = f"at {at}" if at is not None else "as its answer"
            raise DataRefused(f"{where} has {called(found)} {here}, and no list.", hint="Say under records where the list stands.")
        return found


_NOTHING: Any = object()


def _at(value: Any, path: str, nothing: Any = _NOTHING) -> Any:
    """What stands at keys with dots between them, a number being a place in a list; a key that has dots itself is found as well."""
    if not path:
        return value
    cuts = [number for number, letter in enumerate(path) if letter == "."]
    for cut in [len(path), *reversed(cuts)]:
        key, rest = path[:cut], path[cut + 1 :]
        if isinstance(value, dict) and key in value:
            return _at(value[key], rest, nothing)
        if isinstance(value, list) and key.removeprefix("-").isdecimal() and -len(value) <= int(key) < len(value):
            return _at(value[int(key)], rest, nothing)
    return nothing


def _beside(told: Any, path: str) -> str:
    """What an answer has where a way ends that leads to nothing: keys with something like an address or a mark first."""
    keys = path.split(".")
    for end in range(len(keys) - 1, -1, -1):
        found = _at(told, ".".join(keys[:end]))
        if isinstance(found, dict) and found:
            before = "".join(f"{key}." for key in keys[:end])
            names = sorted(found, key=lambda name: not (_LEADING.search(name) or (isinstance(found[name], str) and "/" in found[name])))
            return ", ".join(f"{before}{name}" for name in names[:_LISTED])
    return ""


def _said(answer: Answer, where: str) -> Any:
    """The answer's JSON.

    :raises DataRefused: it is none.
    :raises Unreachable: it may have broken off.
    """
    try:
        return loaded(answer.body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        if not answer.sized:
            raise Unreachable(
                f"{where} is no whole JSON: {error}.", hint="The API did not say how long it is, so it may have broken off."
            ) from error
        if "json" not in answer.type:
            hint = "Is it the path of the API, and not of a page for people, such as a login?"
            raise DataRefused(f"{where} is no JSON but {answer.type}.", hint=hint) from error
        raise DataRefused(f"{where} {_wrong(error)}.", hint="Look at that page of the API, and tell its owner.") from error


def _wrong(error: Exception) -> str:
    """What is wrong with a text that calls itself JSON, completing its name."""
    if isinstance(error, json.JSONDecodeError):
        whole = len(error.doc.rstrip())
        if not whole:
            return "is empty"
        broken = error.pos >= whole or error.msg.startswith("Unterminated string")
        return f"breaks off at character {whole}" if broken else f"is no JSON at character {error.pos + 1}: {error.msg}"
    if isinstance(error, UnicodeDecodeError):
        return f"is no JSON, which is UTF-8: {error.reason} at byte {error.start + 1}"
    return "is nested too deep" if isinstance(error, RecursionError) else f"is no JSON that can be read exactly: {error}"


def _param(value: Any, bounds: Mapping[str, str]) -> Any:
    if isinstance(value, tuple):
        return [_param(each, bounds) for each in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return _filled(value, bounds) if isinstance(value, str) else str(value)


def _short(url: httpx.URL) -> bytes:
    return hashlib.blake2b(str(url).encode(), digest_size=16).digest()

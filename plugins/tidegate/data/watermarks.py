"""Incremental reading by a column that grows with each change: which rows an interval reads, and up to which mark it has read them.

::

    <staging>/<pipeline>/~watermarks/<step>/<branch>/<table and column>/<loads>/<start>--<end>~<attempt>.begun    from where it reads
                                                                                <start>--<end>~<attempt>.json     up to where it has read
                                                                                <start>--<end>~<attempt>~<load>.loaded    its rows are in the load's table

The first is written before the rows are read, and keeps older intervals from reading on. The second is written behind the manifest of each attempt, and
holds no more than what that attempt has staged. The third is written by the load, behind its commit: an interval goes on from the mark of one whose rows are
loaded. So whatever fails, or is killed between two of them, the next interval reads rows once more rather than not at all. Of each interval the newest
attempt stays, and the newest that is loaded. Retention leaves them. Runs in a worker.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tidegate.data.instants import compact, stamp
from tidegate.data.sinks import beside, listed, publish, storing
from tidegate.data.staging import interval_of, safe_name
from tidegate.data.table_query import quoted
from tidegate.errors import DataRefused, QueryRefused
from tidegate.resilience.interval import Interval
from tidegate.resilience.watermark import Attempt, Marks, around, asked, may_set_back, worth_keeping

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    import sqlalchemy as sa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.manifest import Manifest, StageKey
    from tidegate.data.staging import Staging
    from tidegate.data.table_query import Source
    from tidegate.resilience.watermark import Asked

log = logging.getLogger(__name__)

ABOVE, UPTO = "mark_above", "mark_upto"
"""The bound names of the marks."""
KEPT = 3_000
"""Intervals whose marks are kept. One that is older is read anew with all rows up to the oldest mark that is there."""
_BEGUN, _READ, _LOADED = ".begun", ".json", ".loaded"


class Changes:
    """What one attempt reads of a table. The marks are asked for in the session that reads the rows, so they are of the same server and state.

    Two intervals that are read at once cannot both take the rows, the older one being the newer reading: each first writes down that it has begun, then lets
    its session see the data, and then looks whether a later one has begun.
    """

    def __init__(
        self, source: Source, column: str, key: StageKey, staging: Staging, *, attempt: str, settled_by: Collection[str] = ()
    ) -> None:
        """:param settled_by: the loads that must have brought an attempt's rows before a later interval goes on behind them; none: they need only be staged."""
        self._source = source
        self._column = column
        self._here = Interval(key.interval_start, key.interval_end)
        self._settled_by = settled_by
        loads = safe_name(" + ".join(sorted(settled_by))) if settled_by else "~staged"
        within = (key.step, key.branch, f"{source.query.table} {column}")
        self._place = (safe_name(key.pipeline), "~watermarks", *map(safe_name, within), loads)  # no interval's folder begins with a tilde
        """Another table or column begins anew; and so do other loads, which have none of the rows below any mark."""
        self._folder = staging.root.joinpath(*self._place)
        self._name = f"{compact(self._here.start)}--{compact(self._here.end)}~{safe_name(attempt)}"
        self._wanted = asked(own=None, earlier=None, later=None)
        self._again = list[Interval]()
        self._marks = Marks(None, None)
        self._read_at = ""

    @property
    def receipt(self) -> dict[str, Any]:
        """What the manifest tells of them: the marks and where they lie, and the moment before which nothing was read."""
        return {"watermark": _told_of(self._marks), "marks": ("/".join((*self._place, self._name)),), "read_at": self._read_at}

    def begin(self) -> None:
        """Before the first statement of the session that reads: older intervals leave from now on what this one will read.

        :raises QueryRefused: the interval has not begun.
        :raises TidegateError: staging cannot be written.
        """
        if self._here.start > datetime.now(UTC):
            message = (
                f"{self._source.where} is read by watermark, and {self._here} lies ahead: all intervals until then would find nothing."
            )
            raise QueryRefused(message, hint="Run it when it has begun, or give the interval that is meant.")
        self._wanted = self._asked()
        self._read_at = stamp()
        if not self._wanted.closed:
            if self._again:
                log.info("%s What was read for %s is not loaded, so it is read for %s, too", self._source.where, self._again[0], self._here)
            self._write(Marks(self._wanted.above, self._wanted.above), _BEGUN)
            self._read_at = stamp()

    def source(self, connection: sa.Connection) -> Source:
        """The table with what is to be read of it.

        :param connection: that reads the rows; it sees one state of the data from now on, where it can.
        :raises QueryRefused: the column's values have no order that is kept exactly, or cannot be looked back from.
        """
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # else each statement would see a state of its own
        wanted, upto = self._wanted, self._wanted.upto
        if not wanted.closed:
            upto = self._newest(connection, wanted.above)
            if (again := self._asked()).closed:  # a later one has begun meanwhile, and may see less than this session
                wanted, upto = again, again.upto
        self._marks = Marks(wanted.above, upto)
        where, values = self._where(wanted, upto, quoted(self._column, connection.dialect))
        return replace(self._source, also=where, values={**self._source.values, **values})

    def keep(self, manifest: Manifest) -> None:
        """Remember up to where a committed attempt has read, and forget what that makes needless.

        :raises TidegateError: staging cannot be written.
        """
        self._read_at = manifest.read_at
        self._write(self._marks, _READ)
        files = self._files()
        known = self._attempts(files)
        there = {attempt: told[0] for attempt in known.get(self._here, ()) if (told := _there(attempt.key)) is not None}
        read_at = {attempt.key: told for attempt, told in there.items()}
        stay = tuple(file.stem for file in worth_keeping(there, lambda file: (read_at[file], file.name)))
        ends = tuple(f"{stem}{end}" for stem in stay for end in (_READ, "~"))
        last = max((interval for interval, attempts in known.items() if any(attempt.settled for attempt in attempts)), default=None)
        others = sorted(files.keys() - {self._here})
        old = [file for interval in others[: -KEPT + 1] if interval != last for file in files[interval]]
        for file in (*(file for file in files.get(self._here, ()) if not file.name.startswith(ends)), *old):
            with suppress(OSError):
                file.unlink()

    def _where(self, wanted: Asked, upto: Any, name: str) -> tuple[tuple[str, ...], dict[str, Any]]:
        """The conditions, from the mark itself on: rows of its very moment may have come behind the read before."""
        if wanted.nothing:
            return ("1 = 0",), {}
        back, values, within = self._source.query.look_back, dict[str, Any](), []
        if upto is not None:
            _before(self._source, self._column, upto, back)  # or the next interval would be the first to be refused
        if wanted.above is not None:
            values[ABOVE] = _before(self._source, self._column, wanted.above, back)
            within.append(f"{name} >= :{ABOVE}")
        if wanted.closed:
            values[UPTO] = upto
            return (*within, f"{name} <= :{UPTO}"), values
        return tuple(f"({condition} OR {name} IS NULL)" for condition in within), values

    def _asked(self) -> Asked:
        gone = set[Any]()
        while True:
            try:
                return self._looked(gone)
            except _Gone as file:  # another attempt has put a newer mark in its place
                gone.add(file.args[0])

    def _looked(self, gone: Collection[Any]) -> Asked:
        """What is to be read, by what is remembered of the interval, and of those nearest to it.

        :param gone: files that are listed and not there.
        :raises _Gone: as said, of another one.
        """
        files = {interval: [file for file in there if file not in gone] for interval, there in self._files().items()}
        here, found = self._here, around(self._here, self._attempts(files))
        wanted = asked(own=_remembered(found.own), earlier=_remembered(found.earlier), later=_remembered(found.later))
        later: Interval | None = found.later_interval
        if later is not None and not found.own and wanted.nothing:
            level = logging.WARNING if later.start < here.end else logging.INFO
            log.log(
                level, "%s Nothing is read for %s: what has changed belongs to %s, which was begun before", self._source.where, here, later
            )
        self._again = found.unsettled if not found.own else []
        return wanted

    def _files(self) -> dict[Interval, list[Any]]:
        files = dict[Interval, list[Any]]()
        for file in listed(self._folder):
            interval = interval_of(file.name.partition("~")[0])
            if interval is not None and file.suffix in {_BEGUN, _READ, _LOADED}:
                files.setdefault(interval, []).append(file)
        return files

    def _attempts(self, files: dict[Interval, list[Any]]) -> dict[Interval, list[Attempt[Any]]]:
        """What these files are of."""
        found = dict[Interval, list[Attempt[Any]]]()
        for interval, there in files.items():
            names = {file.name for file in there}
            for file in there:
                if file.suffix != _LOADED:
                    staged = file.suffix == _READ
                    settled = staged and all(f"{file.stem}~{safe_name(load)}{_LOADED}" in names for load in self._settled_by)
                    found.setdefault(interval, []).append(Attempt(file, staged, settled))
        return found

    def _write(self, marks: Marks, suffix: str) -> None:
        final = self._folder / f"{self._name}{suffix}"
        with storing(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            target = beside(final)
            target.write_text(json.dumps({**_told_of(marks), "read_at": self._read_at}), encoding="utf-8")
            publish(target, final)

    def _newest(self, connection: sa.Connection, above: Any) -> Any:
        """The greatest value there is, none of the future; what was there before, where nothing has come."""
        name = quoted(self._column, connection.dialect)

        def greatest(bound: dict[str, Any]) -> Any:
            conditions = {ABOVE: f"{name} >= :{ABOVE}", UPTO: f"{name} <= :{UPTO}"}
            sql = self._source.query.sql(connection.dialect, selected=f"max({name})", where=[conditions[word] for word in bound])
            return connection.execute(self._source.statement(sql, bound)).scalar()

        bound = {ABOVE: above} if above is not None else {}
        found = greatest(bound)
        if found is None and bound and (there := greatest({})) is not None:
            message = (
                '%s has no "%s" of %s or later, where it was read before; the greatest is %s. That is right where its last rows were deleted. Where the '
                "connection leads to another database now, or to one that was restored, changes below that mark are not read: delete %s, and all rows are read anew"
            )
            log.warning(message, self._source.where, self._column, above, there, self._folder)
        now = _now_like(found, self._source.clock)
        if now is not None and found > now:
            found = greatest({**bound, UPTO: now})
        return above if found is None else _checked(self._source, self._column, found)


def tell_loaded(staging: Staging, marks: Iterable[str], *, load: str) -> None:
    """Leave beside the marks of attempts that a load has committed their rows, so that later intervals go on behind them. Doing it twice is fine.

    :param marks: as manifests tell them.
    :raises TidegateError: staging cannot be written.
    """
    for mark in marks:
        *folder, name = mark.split("/")
        final = staging.root.joinpath(*folder, f"{name}~{safe_name(load)}{_LOADED}")
        with storing(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            final.touch()


def sets_back(staging: Staging, marks: Iterable[str], row: LoadRow) -> bool:
    """Whether the rows of these attempts may be older than those that an earlier interval has brought from a later reading.

    :param marks: as manifests tell them.
    :param row: of the earlier interval.
    """
    interval = Interval(datetime.fromisoformat(row.interval_start), datetime.fromisoformat(row.interval_end))
    read_at = row.fence.partition("/")[0]
    for mark in marks:
        *folder, name = mark.split("/")
        place = staging.root.joinpath(*folder)
        own, began = _there(place / f"{name}{_READ}"), f"{compact(interval.start)}--{compact(interval.end)}~"
        theirs = [_there(file) for file in listed(place) if file.suffix == _READ and file.name.startswith(began)]
        if own is None or may_set_back(own[1], [told[1] for told in theirs if told is not None and told[0] >= read_at]):
            return True
    return False


def _remembered(files: list[Any]) -> Marks | None:
    """By the attempt that was read last."""
    newest = max((_read(file) for file in files), key=lambda kept: kept[0], default=None)
    return newest[1] if newest is not None else None


class _Gone(Exception):
    """A file of marks that is no longer there."""


def _there(file: Any) -> tuple[str, Marks] | None:
    """As :func:`_read` says; None where it is gone."""
    try:
        return _read(file)
    except _Gone:
        return None


def _read(file: Any) -> tuple[str, Marks]:
    """When an attempt began to read, and up to where it did.

    :raises _Gone: there is no such file.
    :raises DataRefused: the file is not what was written.
    """
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return str(kept["read_at"]), Marks(_meant(kept["above"]), _meant(kept["upto"]))
    except FileNotFoundError as error:
        raise _Gone(file) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        hint = "Delete it: its interval and the one behind it are then read from the mark before."
        raise DataRefused(f"A mark in staging cannot be read: {file}.", hint=hint) from error


def _checked(source: Source, column: str, value: Any) -> Any:
    """:raises QueryRefused: it is no value that is compared exactly with what comes later."""
    exact = isinstance(value, int | Decimal | date | str) and not isinstance(value, bool)
    if not exact or (isinstance(value, Decimal) and not value.is_finite()):
        shown = str(value) if isinstance(value, Decimal) else f"values of {type(value).__name__}"
        message = f'{source.where} cannot be read by watermark "{column}", which has {shown}.'
        raise QueryRefused(message, hint="Name a column of moments, whole numbers, decimals or texts that only grow.")
    return value


def _before(source: Source, column: str, mark: Any, back: timedelta) -> Any:
    """A mark, so much earlier.

    :raises QueryRefused: it is no moment.
    """
    if not back:
        return mark
    if isinstance(mark, datetime):
        return mark - back
    if isinstance(mark, date):
        return (datetime.combine(mark, time()) - back).date()
    if (moment := _moment(mark)) is not None:
        return (moment - back).isoformat(sep=mark[10])
    message = f'{source.where} looks back by {back}, and watermark "{column}" has no moments, but {mark!r}.'
    raise QueryRefused(message, hint="Remove look_back, or name a column of moments.")


def _now_like(value: Any, zone: str) -> Any:
    """The present moment as a value of this kind; None where it is no moment."""
    now = datetime.now(UTC)
    if isinstance(value, datetime):
        return now if value.tzinfo is not None else now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if isinstance(value, date):
        return now.astimezone(ZoneInfo(zone)).date()
    if (moment := _moment(value)) is not None:
        clock = now.astimezone(moment.tzinfo or ZoneInfo(zone))
        return (clock if moment.tzinfo else clock.replace(tzinfo=None)).isoformat(sep=value[10])
    return None


def _moment(value: Any) -> datetime | None:
    """The moment that a text is, such as ``2026-01-01 02:00:00``; None for any other value."""
    if not isinstance(value, str) or len(value) < len("2026-01-01 02:00") or value[10] not in " T":
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _told_of(marks: Marks) -> dict[str, Any]:
    """Marks as JSON."""
    return {"above": _told(marks.above), "upto": _told(marks.upto)}


def _told(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    return {("text" if isinstance(value, str) else "decimal" if isinstance(value, Decimal) else "int"): str(value)}


def _meant(told: dict[str, str] | None) -> Any:
    """The inverse of :func:`_told`."""
    if told is None:
        return None
    ((kind, text),) = told.items()
    ways: dict[str, Callable[[str], Any]] = {
        "moment": datetime.fromisoformat,
        "day": date.fromisoformat,
        "decimal": Decimal,
        "int": int,
        "text": str,
    }
    return ways[kind](text)

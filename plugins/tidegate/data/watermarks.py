"""Incremental reading by a column that grows with each change: which rows an interval reads, and up to which mark it has read them.

::

    <staging>/<pipeline>/~watermarks/<step>/<branch>/<table and column>/<start>--<end>~<attempt>.json

Such a file is written behind the manifest of each attempt, and holds no more than what that attempt has staged; so whatever is killed between the two, the
next interval reads rows once more rather than not at all. Retention leaves them. Runs in a worker.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tidegate.data.cancelling import stoppable
from tidegate.data.engines import reading
from tidegate.data.instants import compact
from tidegate.data.sinks import beside, listed, publish, storing
from tidegate.data.staging import interval_of, safe_name
from tidegate.data.table_query import quoted
from tidegate.errors import DataRefused, QueryRefused
from tidegate.resilience.interval import Interval
from tidegate.resilience.watermark import Asked, Marks, asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.data.manifest import Manifest, StageKey
    from tidegate.data.staging import Staging
    from tidegate.data.stopping import Stop
    from tidegate.data.table_query import Source

ABOVE, UPTO = "mark_above", "mark_upto"
"""The bound names of the marks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """Which rows of a table an interval reads."""

    marks: Marks
    where: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> dict[str, Any]:
        """The marks as JSON."""
        return {"above": _told(self.marks.above), "upto": _told(self.marks.upto)}


def marked(source: Source, column: str, key: StageKey, staging: Staging, *, stop: Stop) -> Marked:
    """The rows that an interval is to read, by what was read before it and behind it.

    :raises QueryRefused: the column's values have no order that is kept exactly, or cannot be looked back from.
    """
    wanted = asked(**_neighbours(key, _folder(key, staging, source.query.table, column)))
    dialect = source.url.get_dialect()()
    name, back, values = quoted(column, dialect), source.query.look_back, dict[str, Any]()
    if wanted.closed and wanted.upto is None:
        return Marked(marks=Marks(None, None), where=("1 = 0",))
    upto = wanted.upto if wanted.closed else _newest(source, column, wanted, stop)
    if not back and isinstance(upto, date) and not isinstance(upto, datetime):
        message = f'{source.where} reads by watermark "{column}" of days, and a day is not over when it is read.'
        raise QueryRefused(message, hint="Give look_back: 1d, or name a column of moments.")
    within = []
    if wanted.above is not None:
        values[ABOVE] = _before(source, column, wanted.above, back)
        within.append(f"{name} > :{ABOVE}")
    if wanted.closed:
        values[UPTO] = wanted.upto
        within.append(f"{name} <= :{UPTO}")
        where = " AND ".join(within)
    else:
        where = f"({within[0]} OR {name} IS NULL)" if within else ""
    return Marked(marks=Marks(wanted.above, upto), where=(where,) if where else (), values=values)


def keep(marked_rows: Marked, manifest: Manifest, key: StageKey, staging: Staging, *, table: str, column: str) -> None:
    """Remember up to where a committed attempt has read.

    :raises TidegateError: staging cannot be written.
    """
    name = f"{compact(key.interval_start)}--{compact(key.interval_end)}~{safe_name(manifest.attempt)}.json"
    final = _folder(key, staging, table, column) / name
    with storing(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        target = beside(final)
        target.write_text(json.dumps({**marked_rows.told, "read_at": manifest.read_at}), encoding="utf-8")
        publish(target, final)


def _folder(key: StageKey, staging: Staging, table: str, column: str) -> Any:
    """Another table or column begins anew."""
    around = staging.root / safe_name(key.pipeline) / "~watermarks"  # no interval's folder begins with a tilde
    return around / safe_name(key.step) / safe_name(key.branch) / safe_name(f"{table} {column}")


def _neighbours(key: StageKey, folder: Any) -> dict[str, Marks | None]:
    """What is remembered of an interval, and of those nearest to it."""
    here, files = Interval(key.interval_start, key.interval_end), dict[Interval, list[Any]]()
    for file in listed(folder):
        interval = interval_of(file.name.partition("~")[0])
        if interval is not None and file.suffix == ".json":
            files.setdefault(interval, []).append(file)
    before, behind = [other for other in files if other < here], [other for other in files if other > here]
    return {
        "own": _remembered(files.get(here, [])),
        "earlier": _remembered(files[max(before)]) if before else None,
        "later": _remembered(files[min(behind)]) if behind else None,
    }


def _remembered(files: list[Any]) -> Marks | None:
    """By the attempt that was read last."""
    newest = max((_read(file) for file in files), key=lambda kept: kept[0], default=None)
    return newest[1] if newest is not None else None


def _read(file: Any) -> tuple[str, Marks]:
    """When an attempt began to read, and up to where it did.

    :raises DataRefused: the file is not what was written.
    """
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return str(kept["read_at"]), Marks(_meant(kept["above"]), _meant(kept["upto"]))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        hint = "Delete it: its interval and the one behind it are then read from the mark before."
        raise DataRefused(f"A mark in staging cannot be read: {file}.", hint=hint) from error


def _newest(source: Source, column: str, wanted: Asked, stop: Stop) -> Any:
    """The greatest value there is, none of the future; what was there before, where nothing has come."""
    with (
        reading(
            source.url,
            correlation_id=source.correlation_id,
            connection_name=source.name,
            source_name=source.source_name,
            timezone=source.zone,
        ) as connection,
        stoppable(connection, stop, name=source.name, correlation_id=source.correlation_id),
    ):
        name = quoted(column, connection.dialect)

        def greatest(bound: dict[str, Any]) -> Any:
            conditions = {ABOVE: f"{name} > :{ABOVE}", UPTO: f"{name} <= :{UPTO}"}
            sql = source.query.sql(connection.dialect, selected=f"max({name})", where=[conditions[word] for word in bound])
            return connection.execute(source.statement(sql, bound)).scalar()

        above = {ABOVE: wanted.above} if wanted.above is not None else {}
        found = greatest(above)
        now = _now_like(found, source.zone)
        if now is not None and found > now:
            found = greatest({**above, UPTO: now})
    return wanted.above if found is None else _checked(source, column, found)


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

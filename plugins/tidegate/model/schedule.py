"""When runs begin, and what data each is about."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tidegate.model.durations import Duration, parse_duration
from tidegate.model.parts import Flag, Made, Moment, Part, Zone, one_or_many
from tidegate.model.shapes import DURATION, Shape


class Watcher(Part):
    """Watches for events outside of Airflow, in the triggerer, and updates the asset when one comes."""

    name: str
    """What the watcher is called."""
    uses: Annotated[str, Shape("import path", {"type": "string"})]
    """Import path of an event trigger's class."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """The trigger's arguments."""


class AssetTerm(Part):
    """An asset, or several with what must be true of them. A plain text is an asset's name, or its URI where it holds ``://``."""

    name: str | None = None
    """The asset's name; its URI by default."""
    uri: str | None = None
    """Where the data lie, such as ``s3://bucket/sales``; its name by default."""
    group: str | None = None
    """A word that sorts assets in the UI."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Facts that are kept with the asset."""
    watchers: tuple[Watcher, ...] = ()
    """Who watches for events of this asset outside of Airflow."""
    alias: str | None = None
    """Name of an alias, which stands for assets that are known only at run time."""
    all: tuple["AssetTerm", ...] = ()
    """True when each of these was updated."""
    any: tuple["AssetTerm", ...] = ()
    """True when one of these was updated."""

    @property
    def names(self) -> list[str]:
        """The names and URIs of all assets in it."""
        inner = [name for part in (*self.all, *self.any) for name in part.names]
        return [*(name for name in (self.name, self.uri) if name), *inner]

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"uri" if "://" in value else "name": value}
        return {"all": value} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        said = [bool(self.name or self.uri), self.alias is not None, bool(self.all), bool(self.any)]
        if said.count(True) != 1:
            raise ValueError("give an asset's 'name' or 'uri', or 'alias', or 'all', or 'any'; exactly one of these")
        return self


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str | dict) else value


Assets = Annotated[tuple[AssetTerm, ...], BeforeValidator(_several), Shape.one_or_many("asset", "AssetTerm")]


class Partitions(Part):
    """How the partitions of assets become the partitions of runs."""

    default: Made | None = None
    """Mapper for all assets, such as ``{uses: airflow.sdk.StartOfDayMapper}``."""
    by_asset: dict[str, Made] = Field(default_factory=dict)
    """Asset name or URI → its own mapper."""


def instant(value: date | datetime, timezone: str = "UTC") -> datetime:
    """The instant that a file means: a day is its midnight, and what names no zone is in the given one."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC if timezone == "UTC" else ZoneInfo(timezone))


def _interval(value: Any) -> Any:
    return value if isinstance(value, str) and value in {"tick", "none"} else parse_duration(value)


def _cron(value: str) -> str:
    if not _is_cron(value):
        raise ValueError(f"{value!r} is no cron expression; {_instead(value)}")
    if not _ever(value):
        raise ValueError(f"{value!r} never comes; give a day that the months have")
    return value


class Schedule(Part):
    """When a night begins. Give one of ``cron``, ``every``, ``timetable`` and ``continuous``, or ``assets`` with or without one of the first two."""

    cron: Annotated[tuple[Annotated[str, AfterValidator(_cron)], ...], BeforeValidator(one_or_many)] = ()
    """Five fields, or a preset such as ``@daily``; several make a run at each of their moments."""
    every: Duration | None = None
    """The time from run to run, such as ``6h``, counted from ``start``."""
    timezone: Zone = "UTC"
    """IANA name of the zone in which the cron is meant, and intervals are cut."""
    interval: Annotated[
        Literal["tick", "none"] | timedelta | None,
        BeforeValidator(_interval),
        Shape("`tick`, `none`, or a duration", {"anyOf": [{"enum": ["tick", "none"]}, DURATION]}),
    ] = None
    """The data that a run is about. ``tick``: from one tick to the next, at whose end the run begins. ``none``: a moment. A duration: that long
    before the tick. By default ``tick`` for one cron, ``none`` for several."""
    start: Moment | None = None
    """The first interval begins here; needed with ``cron``, ``every`` and ``continuous``."""
    end: Moment | None = None
    """No interval begins after this moment; a date means its midnight."""
    catchup: Flag = False
    """Whether intervals between ``start`` and today run by themselves when the pipeline is first switched on."""
    timetable: Made | None = None
    """Any other timetable, by its import path."""
    assets: AssetTerm | None = None
    """Run when these assets were updated: one, a list (all of them), or ``{any: […]}`` and ``{all: […]}`` within one another."""
    partitions: Partitions | None = None
    """For partitioned assets: one run for each partition."""
    continuous: Flag = False
    """One run after the other, without a pause."""

    def instant(self, value: date | datetime) -> datetime:
        """The instant that a bound means, in the schedule's zone where it names none."""
        return instant(value, self.timezone)

    @property
    def of_moments(self) -> bool:
        """Whether its runs are about a moment each, and so about no interval of data."""
        return self.interval == "none" or (self.interval is None and len(self.cron) > 1)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        said = [name for name in ("cron", "every", "timetable", "continuous") if getattr(self, name)]
        if len(said) > 1:
            raise ValueError(f"it gives {' and '.join(said)}; keep one of them")
        if not said and self.assets is None:
            raise ValueError("it does not say when; give one of cron, every, assets, timetable or continuous")
        if self.assets is not None and said and said[0] not in {"cron", "every"}:
            raise ValueError(f"it gives assets and {said[0]}; beside assets, only cron or every may stand")
        if said and said[0] != "timetable" and self.start is None:
            raise ValueError("the key 'start' is missing; say from which day on, such as start: 2026-01-01")
        if self.partitions is not None and (said or self.assets is None):
            raise ValueError("partitions go with assets alone; remove the other keys, or partitions")
        if self.interval is not None and not self.cron:
            raise ValueError("interval goes with cron; remove it")
        if self.interval == "tick" and len(self.cron) > 1:
            raise ValueError("several crons have no common tick; give interval as none or as a duration")
        return self

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        timed = bool(self.cron or self.every or self.timetable or self.continuous)
        if self.catchup and (self.start is None or not timed):
            raise ValueError("catchup is about times since a start; give cron, every or timetable with start, or remove catchup")
        if "timezone" in self.model_fields_set and not timed and self.start is None and self.end is None:
            raise ValueError("timezone goes with times; remove it")
        if self.end is not None and self.start is not None and self.instant(self.end) < self.instant(self.start):
            raise ValueError(f"it ends on {self.end}, before it starts on {self.start}; no interval lies between")
        return self

    @model_validator(mode="after")
    def _partitions_are_of_its_assets(self) -> Self:
        if self.partitions is not None and self.assets is not None:
            known = self.assets.names
            if unknown := sorted(name for name in self.partitions.by_asset if name not in known):
                raise ValueError(f"its partitions name {unknown[0]!r}, which is none of its assets; name one of {', '.join(known)}")
        return self


_PRESETS = frozenset({"@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"})


_INSTEAD = {
    "@midnight": "write '@daily'",
    "@annually": "write '@yearly'",
    "@continuous": "write 'continuous: true' in place of cron",
    "@once": "write 'timetable: {uses: airflow.timetables.simple.OnceTimetable}' in place of cron",
    "@reboot": "leave the schedule out, and start the run by hand",
    "@none": "leave the schedule out",
}
"""Airflow's and cron's other presets → what to write."""


def _instead(value: str) -> str:
    preset = f"@{value.lstrip('@').lower()}"
    if preset in _PRESETS:
        return f"write '{preset}'"
    if preset in _INSTEAD:
        return _INSTEAD[preset]
    count = len(value.split())
    told = f"it has {count} fields where five are known: " if count in {_FIELDS - 1, _FIELDS + 1, _FIELDS + 2} else ""
    return f"{told}write minute, hour, day, month and weekday, such as '0 2 * * *', or a preset such as '@daily'"


def _is_cron(value: str) -> bool:
    if value in _PRESETS:
        return True
    if _plain_cron(value):
        return True
    from croniter import croniter

    chance = any(field.upper().startswith(("R", "H")) for field in value.split())  # a random moment, or one of a hash
    return bool(croniter.is_valid(value)) and len(value.split()) == _FIELDS and value.isascii() and not chance


def _ever(value: str) -> bool:
    """Whether a cron has a moment at all, which the thirtieth of February has not."""
    if value in _PRESETS or _plain_cron(value):
        return True
    from croniter import CroniterBadDateError, croniter

    try:
        croniter(value, datetime(2026, 1, 1, tzinfo=UTC)).get_next()
    except CroniterBadDateError:
        return False
    return True


_FIELDS = 5


def _plain_cron(value: str) -> bool:
    """Whether it is the plainest of crons, numbers in their bounds and stars, which needs no library to judge."""
    fields = value.split()
    bounds = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))
    return len(fields) == _FIELDS and all(
        field == "*" or (field.isascii() and field.isdecimal() and low <= int(field) <= high)
        for field, (low, high) in zip(fields, bounds, strict=True)
    )

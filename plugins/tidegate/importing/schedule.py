"""``schedule``, ``start_date``, ``end_date``, ``timezone`` and ``catchup`` as the one ``schedule`` of a pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from tidegate.importing import assets, code, moments, objects
from tidegate.importing.objects import LOST
from tidegate.importing.writing import Block, Quoted
from tidegate.model import moved_names

if TYPE_CHECKING:
    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value

_PRESETS = {"@midnight": "@daily", "@annually": "@yearly"}
_ORDER = ("assets", "cron", "every", "timetable", "continuous", "timezone", "interval", "start", "end", "catchup")
_TRIGGERS = {"CronTriggerTimetable", "MultipleCronTriggerTimetable"}
_CRONS = {"CronTriggerTimetable": {"cron", "timezone", "interval"}, "CronDataIntervalTimetable": {"cron", "timezone"}}
"""Timetable → the arguments that ``cron``, ``timezone`` and ``interval`` can say."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """From when to when, as two places may say it: the DAG, and its ``default_args``, for the tasks."""

    config: dict[str, Value]
    default_args: dict[str, Value]

    def zone(self, desk: Desk) -> str:
        """The zone that Airflow takes for a plain cron: that of the DAG's start, else that of its tasks' start."""
        for layer in (self.config, self.default_args):
            if _given(layer, "start_date") is not None:
                return moments.zone(layer.get("timezone"), desk)
        if (unused := self.config.get("timezone") or self.default_args.get("timezone")) is not None:
            desk.note(unused, "it says nothing without a start_date beside it", "Write schedule.timezone, if the cron is meant there.")
        return "UTC"

    def moment(self, key: str, zone: str, desk: Desk) -> datetime | None:
        """The latest start or the earliest end, on the clock of a zone."""
        found = []
        for layer in (self.config, self.default_args):
            value = _given(layer, key)
            if value is not None and (moment := moments.moment(value, desk)) is not None:
                own = moments.zone(layer.get("timezone"), desk)
                # A midnight is meant as a day. Only where intervals are caught up does the hour between two zones matter.
                exact = own != zone and (moment.time() != time.min or self.catchup)
                found.append(moments.on_clock(moment, own, zone) if exact else moment)
        if not found:
            return None
        return max(found) if key == "start_date" else min(found)

    @property
    def catchup(self) -> bool:
        """Whether missed intervals run."""
        value = self.config.get("catchup")
        return value is not None and (value.plain is True or str(value.plain).lower() == "true")

    def first(self, *keys: str) -> Value | None:
        """The first of some keys that the DAG, or its ``default_args``, gives."""
        return next(
            (found for layer in (self.config, self.default_args) for key in keys if (found := _given(layer, key)) is not None), None
        )


def _given(layer: dict[str, Value], key: str) -> Value | None:
    value = layer.get(key)
    return None if value is None or value.plain is None else value


def schedule(config: dict[str, Value], default_args: dict[str, Value], desk: Desk) -> Block | None:
    """A pipeline's ``schedule``, or None where it is started by something else only."""
    bounds = Bounds(config, default_args)
    value = _asked(config, desk)
    if value is None:
        _unused(bounds, desk, "the pipeline has no schedule")
        return None
    out = _when(value, bounds, desk)
    if not out:
        _unused(bounds, desk, "its schedule cannot be said")
        return None
    timed = any(key in out for key in ("cron", "every", "timetable", "continuous"))
    if not timed:
        _unused(bounds, desk, "the pipeline runs whenever its assets are updated")
        return out
    zone = str(out.get("timezone", "UTC"))
    start = bounds.moment("start_date", zone, desk)
    if start is None and "timetable" not in out:
        start = datetime.combine(desk.today, time.min)
        desk.note(
            value, f"no start_date is given; the pipeline starts on {start:%Y-%m-%d}, the day of this import", "Correct schedule.start."
        )
    if start is not None:
        out["start"] = moments.shortest(start)
    end = bounds.moment("end_date", zone, desk)
    if end is not None:
        out["end"] = moments.shortest(end)
        if start is not None and end < start and (value := bounds.first("end_date")) is not None:
            desk.lost(value, f"it ends before it starts on {start:%Y-%m-%d}, so that no run would begin", "Correct it, or remove it.")
    if bounds.catchup:
        out["catchup"] = True
    return out.in_order(_ORDER)


def _asked(config: dict[str, Value], desk: Desk) -> Value | None:
    """The value that says when, under any of the names that it had."""
    for key in ("schedule", "timetable", "schedule_interval"):
        value = _given(config, key)
        if value is None:
            continue
        if key != "schedule":
            desk.note(value, f"dag-factory 1.x takes no {key} with Airflow 3; it is read as the schedule")
        return None if value.text is not None and value.text.strip().lower() == "none" else value
    return None


def _unused(bounds: Bounds, desk: Desk, reason: str) -> None:
    """Tell that bounds have nothing to bound."""
    for key in ("start_date", "end_date"):
        if (value := bounds.first(key)) is not None:
            desk.note(value, f"left out, since {reason}", once=f"{value.place} unused")
    if bounds.catchup and (value := bounds.config.get("catchup")) is not None:
        desk.note(value, f"left out, since {reason}")


def _when(value: Value, bounds: Bounds, desk: Desk) -> Block | None:
    """The part of the schedule that says when runs begin."""
    if value.text is not None:
        return _words(value, bounds, desk)
    if isinstance(value.plain, list) or value.mapping.keys() & {"__and__", "__or__"}:
        return _assets(assets.term(value, desk))
    if "datasets" in value.mapping:
        return _with_time(_assets(assets.condition(value, desk)), value.mapping.get("timetable"), bounds, desk)
    if "__type__" in value.mapping:
        return _object(value, bounds, desk)
    hint = "Write {cron: …}, {every: …}, {assets: …} or {timetable: {uses: …, with: {…}}}."
    desk.lost(value, "it is no schedule that is known", hint)
    return None


def _words(value: Value, bounds: Bounds, desk: Desk) -> Block | None:
    text = (value.text or "").strip()
    if text == "@once":
        return Block(timetable={"uses": "airflow.timetables.simple.OnceTimetable"})
    if text == "@continuous":
        return Block(continuous=True)
    if any(sign in text for sign in "&|") or "://" in text:
        return _assets(assets.expression(value, {}, desk))
    return _cron([_PRESETS.get(text, text)], bounds.zone(desk), "none")


def _cron(crons: list[str], zone: str, interval: str) -> Block:
    """A cron. Airflow 3 makes plain crons moments, without data between the ticks, unless its config says otherwise."""
    quoted = [Quoted(cron) for cron in crons]
    out = Block(cron=quoted[0] if len(quoted) == 1 else quoted)
    if zone != "UTC":
        out["timezone"] = zone
    if interval != ("tick" if len(quoted) == 1 else "none"):
        out["interval"] = interval
    return out


def _assets(term: Any) -> Block | None:
    if term is LOST:
        return None
    return Block(assets=term["all"] if isinstance(term, dict) and term.keys() == {"all"} else term)


def _with_time(out: Block | None, timetable: Value | None, bounds: Bounds, desk: Desk) -> Block | None:
    """Assets or a time, whichever comes first."""
    if out is None or timetable is None:
        return out
    when = _object(timetable, bounds, desk) if "__type__" in timetable.mapping else None
    if when is None or not when.keys() & {"cron", "every"}:
        desk.lost(timetable, "beside assets, only cron or every may stand", "Write schedule.cron, or a second pipeline for the time.")
        return out
    return Block({**out, **when})


def _object(value: Value, bounds: Bounds, desk: Desk) -> Block | None:
    """A time span, an asset or a timetable that ``__type__`` makes."""
    kind = moved_names.today(str(value.mapping["__type__"].plain))
    name = code.class_name(kind)
    if name == "AssetOrTimeSchedule" and value.mapping.keys() >= {"timetable"}:
        asked = next((value.mapping[key] for key in ("assets", "datasets") if key in value.mapping), None)
        found = _assets(assets.term(asked, desk)) if asked is not None else None
        return _with_time(found, value.mapping["timetable"], bounds, desk)
    if kind == "builtins.list" or name.startswith("Asset"):
        return _assets(assets.term(value, desk))
    if kind in {"datetime.timedelta", "pendulum.duration"}:
        every = moments.duration(value, desk)
        message = "a run is about the time since the run before, and begins at its end; in dag-factory it is about a moment"
        desk.note(value, message, "Templates such as data_interval_start say so.")
        return Block(every=every) if every else None
    return _timetable(kind, value, desk)


def _timetable(kind: str, value: Value, desk: Desk) -> Block | None:
    """One of Airflow's timetables in the language's own words, where it has them; any other one by its path."""
    name = code.class_name(kind)
    if kind.startswith(("airflow.sdk.", "airflow.timetables.")) and (found := _crons(name, value, desk)) is not None:
        return found
    made = objects.made(value, desk)
    if not isinstance(made, dict):
        return None
    if name == "relativedelta":
        return Block(timetable={"uses": "airflow.sdk.DeltaTriggerTimetable", "with": {"delta": made}})
    return Block(timetable=made)


def _crons(name: str, value: Value, desk: Desk) -> Block | None:
    """One of Airflow's timetables by crons, where the language says it in words of its own."""
    positional = value.mapping["__args__"].items if "__args__" in value.mapping else []
    given = {key: item for key, item in value.mapping.items() if key not in {"__type__", "__args__"}}
    zone = moments.zone(given.get("timezone"), desk)
    if name == "MultipleCronTriggerTimetable":
        if not positional or given.keys() - {"timezone", "interval"}:
            return None
        crons = [str(item.plain) for item in positional]
    else:
        parts = {**dict(zip(("cron", "timezone"), positional, strict=False)), **given}
        if "expression" in parts:  # what the class of airflow.sdk calls it
            parts["cron"] = parts.pop("expression")
        if name not in _CRONS or parts.keys() - _CRONS[name] or "cron" not in parts:
            return None
        crons, zone = [str(parts["cron"].plain)], moments.zone(parts.get("timezone"), desk)
    interval = "none" if name in _TRIGGERS else "tick"
    if "interval" in given:
        interval = moments.duration(given["interval"], desk) or interval
    return _cron([_PRESETS.get(cron, cron) for cron in crons], zone, interval)

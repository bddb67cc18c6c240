"""The pipeline file as frozen models: what a user may write, what each key means, its unit and its default."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    field_validator,
    model_validator,
)

from tidegate.model.durations import Duration

OUTCOME = "outcome"
"""The id of the leaf in which every pipeline ends."""
NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=100)]
BranchName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=100)]


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone; write an IANA name such as Europe/Berlin or UTC") from None
    return value


def _no_number(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError(f"{value!r} is no date; write it as 2026-01-31")  # noqa: TRY004  pydantic takes ValueErrors
    return value


Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Moment = Annotated[date | datetime, BeforeValidator(_no_number)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_one_or_many)]


class Part(BaseModel):
    """Base of all models here: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Schedule(Part):
    """When a night begins. Each tick of the cron ends one interval of data and starts its run."""

    cron: str
    """Five fields, or a preset such as ``@daily``."""
    timezone: Zone = "UTC"
    """IANA name of the zone in which the cron is meant, and intervals are cut."""
    start: Moment
    """The first interval begins here."""
    end: Moment | None = None
    """No interval begins after this moment; a date means its midnight."""
    catchup: Flag = False
    """Whether intervals between ``start`` and today run by themselves when the pipeline is first switched on."""

    @field_validator("cron")
    @classmethod
    def _valid_cron(cls, value: str) -> str:
        from croniter import croniter

        if not croniter.is_valid(value):
            raise ValueError(f"{value!r} is no cron expression; write five fields such as '0 2 * * *' or a preset such as '@daily'")
        return value

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Schedule:
        if self.end is not None and self.end.isoformat()[:10] < self.start.isoformat()[:10]:
            raise ValueError(f"it ends on {self.end}, before it starts on {self.start}; no interval lies between")
        return self


class Retry(Part):
    """How long to wait before a try is repeated: exponential from ``delay``, at most ``max_delay``, spread by ``jitter``."""

    delay: Duration = timedelta(seconds=30)
    """The longest wait before the second try; it doubles from try to try."""
    max_delay: Duration = timedelta(minutes=10)
    """No wait is longer."""
    jitter: Literal["full", "none"] = "full"
    """``full``: anywhere between nothing and the exponential wait, which serves a recovering source best."""


class Effort(Part):
    """How hard to try. Stands under ``defaults`` for all steps, and in a step for that step."""

    retries: Whole | None = Field(default=None, ge=0, le=100)
    """Tries after the first; 2 where nobody says. What a retry cannot mend, such as a missing table, is not retried."""
    retry: Retry | None = None
    timeout: Duration | None = None
    """The longest that one try may take; unlimited by default."""
    pool: str | None = None
    """Airflow pool that each task of the step takes a slot of."""
    queue: str | None = None
    """Queue of the Celery or Kubernetes worker that runs the step."""


class Step(Effort):
    """One node of the pipeline, or one for each branch of a fan-out."""

    uses: str
    """``extract``, ``barrier``, ``transform``, ``load``, or the import path of any Airflow operator."""
    needs: Names = ()
    """The steps that must have ended before this one starts."""
    for_each: dict[Name, Name | tuple[BranchName, ...]] = Field(default_factory=dict, max_length=1)
    """``{region: [a, b]}``: one task for each branch. ``{part: arrived}``: one task for each branch that arrived at that barrier."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """The settings of the kind, or the arguments of the operator."""

    @property
    def dimension(self) -> str | None:
        """The name of what the step is repeated over, such as ``region``."""
        return next(iter(self.for_each), None)

    @property
    def branches(self) -> tuple[str, ...]:
        """The branches that the file names; empty for a step that is not repeated, or only at run time."""
        over = next(iter(self.for_each.values()), ())
        return () if isinstance(over, str) else over

    @property
    def mapped_over(self) -> str | None:
        """The barrier over whose arrivals the step is repeated at run time."""
        over = next(iter(self.for_each.values()), None)
        return over if isinstance(over, str) else None

    @field_validator("for_each")
    @classmethod
    def _unique_branches(cls, value: dict[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
        for dimension, over in value.items():
            if isinstance(over, str):
                continue
            if not over:
                raise ValueError(f"{dimension} has no branches; name at least one")
            if double := sorted({name for name in over if over.count(name) > 1}):
                raise ValueError(f"{dimension} names {', '.join(double)} more than once; a branch is one thing")
        return value


Event = Literal["complete", "partial", "failed", "recovered"]


class Notify(Part):
    """A notifier: any class that follows Airflow's ``BaseNotifier``."""

    uses: str = "tidegate.notifications.LogNotifier"
    """Import path, such as ``airflow.providers.slack.notifications.slack.SlackNotifier``."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """The notifier's arguments; ``{{ tidegate.sentence }}`` and ``{{ tidegate.digest }}`` are at hand in its templates."""


class Alert(Part):
    """Whom to tell of what."""

    on: Annotated[tuple[Event, ...], BeforeValidator(_one_or_many), Field(min_length=1)] = ("partial", "failed", "recovered")
    """``partial``: the run succeeded on part of the data. ``failed``: it failed. ``recovered``: an interval that the ledger knew as partial or
    short is now complete."""
    notify: Notify = Notify()


class Pipeline(Part):
    """One file, one pipeline, one DAG."""

    pipeline: Name
    """The DAG's id; the file has the same name."""
    description: str = ""
    """What it is for; the first thing that people see on the DAG's page."""
    owner: str = "airflow"
    """Who answers for it."""
    tags: tuple[str, ...] = ()
    """Words by which people find it in the list of DAGs; ``tidegate`` is added."""
    schedule: Schedule | None = None
    """Absent: the pipeline runs only when somebody or something triggers it."""
    defaults: Effort = Effort()
    steps: dict[Name, Step] = Field(min_length=1)
    alerts: tuple[Alert, ...] = (Alert(),)
    """By default every partial, failed and recovered run is told in the log of its outcome."""

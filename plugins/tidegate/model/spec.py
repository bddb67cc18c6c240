"""The pipeline file as frozen models: what a user may write, what each key means, its unit and its default."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from tidegate.model.durations import Duration
from tidegate.model.effort import Defaults
from tidegate.model.parts import Callbacks, ConnectionId, Flag, ImportPath, Moment, Name, Part, Reference, Whole, Words, one_or_many
from tidegate.model.schedule import Assets, Schedule
from tidegate.model.shapes import Shape
from tidegate.model.step import AnyStep

OUTCOME = "outcome"
"""The id of the leaf in which a pipeline of Tidegate's kinds ends."""

Event = Literal["complete", "partial", "failed", "recovered"]
RunType = Literal["scheduled", "manual", "backfill", "operator_triggered", "asset_triggered", "asset_materialization"]


class Notify(Part):
    """A notifier: any class that follows Airflow's ``BaseNotifier``."""

    uses: ImportPath = "tidegate.notifications.LogNotifier"
    """Import path, such as ``airflow.providers.slack.notifications.slack.SlackNotifier``."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """The notifier's arguments; ``{{ tidegate.sentence }}`` and ``{{ tidegate.digest }}`` are at hand in its templates."""


class Alert(Part):
    """Whom to tell of what."""

    on: Annotated[tuple[Event, ...], BeforeValidator(one_or_many), Field(min_length=1)] = ("partial", "failed", "recovered")
    """``partial``: the run succeeded on part of the data. ``failed``: it failed. ``recovered``: an interval that the ledger knew as partial or
    short is now complete."""
    notify: Notify = Field(default_factory=Notify)


class Resource(Part):
    """Something that steps share and that bears only so much at once, such as a database: an Airflow pool."""

    limit: Whole = Field(ge=1)
    """Slots of the pool: how many tasks may hold the resource at once."""
    description: str = ""
    """What it is; stands in Airflow's list of pools."""


class Deadline(Part):
    """A time by which a run must have ended, and what happens when it has not."""

    reference: Annotated[
        Literal["queued", "logical_date", "average_runtime"] | Moment,
        Shape(
            "`queued`, `logical_date`, `average_runtime`, or a moment",
            {"anyOf": [{"enum": ["queued", "logical_date", "average_runtime"]}, {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}"}]},
        ),
    ] = "queued"
    """From when the time is counted: since the run was queued, its logical date, as long as runs take on average, or a fixed moment."""
    within: Duration
    """How long after ``reference``."""
    callback: Reference
    """What is called then, in the triggerer: a notifier by ``uses`` and ``with``, or an ``async`` function by its import path."""
    sync: Flag = False
    """Whether it is called in a worker instead, as a function that is not ``async``."""
    name: str | None = None
    """What Airflow's list of deadlines calls it."""

    @field_validator("callback")
    @classmethod
    def _importable(cls, value: Reference) -> Reference:
        if ":" in (value.import_ or ""):
            raise ValueError(
                f"{value.import_!r} lies under include/, where the triggerer does not look; write the import path of an installed module"
            )
        if value.args:
            raise ValueError("a deadline's callback takes arguments by name only; write them under 'with'")
        return value


class Pipeline(Part):
    """One file, one pipeline, one DAG."""

    pipeline: Name
    """The DAG's id; the file has the same name."""
    extends: Words = ()
    """Files under include/, named from this file's folder, whose keys stand below this file's; ``defaults.yaml`` in its folder and those above it do
    so by themselves. Mappings are merged; anything else is replaced."""
    description: str = ""
    """What it is for; the first thing that people see on the DAG's page."""
    display_name: str | None = None
    """What the DAG is called in the UI."""
    doc_md: str | None = None
    """More for the DAG's page: Markdown, or a ``.md`` file under include/."""
    owner: str = "airflow"
    """Who answers for it."""
    owner_links: dict[str, str] = Field(default_factory=dict)
    """Owner → address that the UI leads to: ``https://…`` or ``mailto:…``."""
    tags: tuple[str, ...] = ()
    """Words by which people find it in the list of DAGs; ``tidegate`` is added."""
    variables: dict[Name, Any] = Field(default_factory=dict)
    """Name → value, for ``${name}`` anywhere in the file. Alone in a text it keeps its type; ``$${`` is a plain ``${``."""
    environments: dict[Name, dict[Name, Any]] = Field(default_factory=dict)
    """Environment, such as ``prod`` → values of variables there, of the same type. The DAG file and ``--env`` choose one."""
    params: dict[Name, Any] = Field(default_factory=dict)
    """The trigger form: name → default, or a JSON Schema with ``default``, ``title``, ``description``, ``type``, ``enum`` and the like."""
    schedule: Schedule | None = None
    """Absent: the pipeline runs only when somebody or something triggers it."""
    timeout: Duration | None = None
    """The longest that a run may take; unlimited by default."""
    deadline: Annotated[tuple[Deadline, ...], BeforeValidator(lambda value: [value] if isinstance(value, dict) else value)] = ()
    """Times by which a run must have ended."""
    max_active_runs: Whole | None = Field(default=None, ge=1)
    """Runs at once; Airflow's ``max_active_runs_per_dag`` by default."""
    max_active_tasks: Whole | None = Field(default=None, ge=1)
    """Tasks of a run at once; Airflow's ``max_active_tasks_per_dag`` by default."""
    max_consecutive_failed_dag_runs: Whole | None = Field(default=None, ge=0)
    """Airflow pauses the DAG after so many failed runs in a row; 0 for never."""
    fail_fast: Flag = False
    """Whether the first task that fails ends the run."""
    is_paused_upon_creation: Flag | None = None
    """Whether the DAG waits to be switched on; Airflow's ``dags_are_paused_at_creation`` by default."""
    allowed_run_types: Annotated[tuple[RunType, ...], BeforeValidator(one_or_many)] = ()
    """The kinds of run that may be; all by default."""
    access_control: dict[str, Any] = Field(default_factory=dict)
    """Role → permissions, for auth managers that know roles: ``{Viewer: {DAGs: [can_read]}}``."""
    render_template_as_native_obj: Flag = False
    """Whether templates keep Python's types in place of text."""
    template_undefined: Literal["strict", "lenient", "debug"] = "strict"
    """What becomes of an unknown name in a template: an error, nothing, or the name itself."""
    user_defined_macros: dict[Name, Any] = Field(default_factory=dict)
    """Name → value or ``{import: function}``, for templates."""
    user_defined_filters: dict[Name, Reference] = Field(default_factory=dict)
    """Name → function, for templates: ``{{ value | name }}``."""
    jinja_environment_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Settings of the Jinja environment."""
    disable_bundle_versioning: Flag | None = None
    """Whether runs use the newest code in place of the code they began with."""
    rerun_with_latest_version: Flag | None = None
    """Whether a cleared run uses the newest version of the DAG."""
    on_success_callback: Callbacks = ()
    """Called when a run succeeded, in the dag-processor."""
    on_failure_callback: Callbacks = ()
    """Called when a run failed, in the dag-processor."""
    serial: Flag = False
    """Whether the steps run one after the other, in the order of the file."""
    defaults: Defaults = Field(default_factory=Defaults)
    ledger: ConnectionId | None = None
    """Airflow connection id of a database where a pipeline without a ``load`` keeps its ledger: what its barrier decided, what is missing, what is usual.
    That of a load lies beside the rows, whatever a folder's ``defaults.yaml`` says here."""
    resources: dict[Name, Resource] = Field(default_factory=dict)
    """Name → what steps share, for ``holds``."""
    steps: dict[Name, AnyStep] = Field(min_length=1)
    """Name → step, or group of steps."""
    publish: Assets = ()
    """Assets that a run which did not fail updates, with its record as the event's ``extra``."""
    alerts: tuple[Alert, ...] | None = None
    """By default every partial, failed and recovered run is told in the log of its outcome."""
    outcome: Flag | None = None
    """Whether the run ends in the task ``outcome``, which makes its state honest. By default where a step is an ``extract``, ``barrier``, ``transform`` or
    ``load``, and where ``alerts`` or ``publish`` are given."""

    @field_validator("owner_links")
    @classmethod
    def _are_links(cls, value: dict[str, str]) -> dict[str, str]:
        for owner, link in value.items():
            if not link.startswith(("http://", "https://", "mailto:")):
                raise ValueError(f"{link!r}, of {owner}, is no address; write https://… or mailto:…")
        return value

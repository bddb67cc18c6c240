"""How a step is tried, where it runs, whom it belongs to: Airflow's arguments of every operator, said of a step or of all of them."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tidegate.model.durations import Duration
from tidegate.model.parts import Callbacks, Flag, Made, Part, Reference, Whole, Words, one_or_many
from tidegate.model.schedule import Assets

TriggerRule = Literal[
    "all_success", "all_failed", "all_done", "all_done_min_one_success", "all_done_setup_success", "all_skipped", "always", "none_failed",
    "none_failed_min_one_success", "none_skipped", "one_done", "one_failed", "one_success",
]  # fmt: skip
"""Airflow's own; they are complete."""
WEIGHT_RULES = frozenset({"downstream", "upstream", "absolute"})
"""Airflow's own; anything else is the import path of a strategy."""


ErrorWord = Literal["unreachable", "timeout", "auth", "bad_data", "bug", "unknown"]
"""The classes of error, :class:`tidegate.errors.ErrorClass`."""
_LONGEST_WAIT = timedelta(minutes=10)


def _some_classes(value: Any) -> Any:
    if isinstance(value, int):
        said = f"{value} names no class of error; say how often by 'retries', or for a class as {{unreachable: {int(value)}}}"
        raise ValueError(said)  # noqa: TRY004  pydantic takes no TypeError
    if value in ([], {}):
        raise ValueError("it names no class of error; name one, such as unreachable, or say 'retries: 0' in place of 'retry'")
    return value


Retried = Annotated[
    Annotated[tuple[ErrorWord, ...], BeforeValidator(one_or_many), Field(min_length=1)]
    | Annotated[dict[ErrorWord, Annotated[Whole, Field(ge=0, le=100)]], Field(min_length=1)],
    BeforeValidator(_some_classes),
]


class Retry(Part):
    """After which errors a try is repeated, and how long to wait before: exponential from ``delay``, at most ``max_delay``, spread by ``jitter``."""

    on: Retried | None = None
    """After which classes of error: one, a list, or ``{class: retries}``, such as ``{unreachable: 5, timeout: 1}``, in which all retries so far count.
    By default ``[unreachable, timeout, unknown]``. The largest number is the step's ``retries``, where the same place does not say them."""
    delay: Duration = timedelta(seconds=30)
    """The longest wait before the second try."""
    max_delay: Duration = Field(default_factory=lambda data: max(data.get("delay", _LONGEST_WAIT), _LONGEST_WAIT))
    """No wait is longer; 10 minutes by default, or ``delay`` where that is longer."""
    backoff: float = Field(default=2.0, ge=1, le=10)
    """What the wait is multiplied by from try to try; 1 for waits that stay the same."""
    jitter: Literal["full", "none"] = "full"
    """``full``: anywhere between nothing and the exponential wait, which serves a recovering source best."""
    policy: Made | None = None
    """A retry policy of your own, which decides instead: an object with Airflow's ``RetryPolicy`` as its base."""

    @model_validator(mode="after")
    def _longest_is_longest(self) -> Self:
        if {"delay", "max_delay"} <= self.model_fields_set and self.max_delay < self.delay:
            raise ValueError(
                "max_delay is shorter than delay, which would never be waited for; give a longer max_delay, or a shorter delay"
            )
        if self.policy is not None and self.on is not None:
            raise ValueError("policy decides by itself which errors are retried, and 'on' would not be asked; remove one of them")
        return self


class Effort(Part):
    """What may be said under ``defaults`` for all steps, and in a step for that step."""

    retries: Whole | None = Field(default=None, ge=0, le=100)
    """Tries after the first; where nobody says, 2 for Tidegate's kinds other than ``pipeline``, else Airflow's ``default_task_retries``. What a retry
    cannot mend, such as a refused password or a missing table, is not retried; ``retry.on`` says it otherwise."""
    retry: Retry | None = None
    timeout: Duration | None = None
    """The longest that one try may take; unlimited by default."""
    pool: str | None = None
    """Airflow pool that each task of the step takes a slot of."""
    pool_slots: Whole | None = Field(default=None, ge=1)
    """Slots of the pool that each task takes; 1 by default."""
    queue: str | None = None
    """Queue of the Celery or Kubernetes worker that runs the step."""
    executor: str | None = None
    """Name of the executor that runs the step, where Airflow has several."""
    executor_config: dict[str, Any] | None = None
    """What the executor is to know, such as a ``pod_override`` for Kubernetes."""
    run_as_user: str | None = None
    """Unix user that the task's process becomes."""
    operator_resources: dict[str, float] | None = None
    """Airflow's ``resources`` of an operator: ``cpus``, ``ram``, ``disk``, ``gpus``; read by executors that know them."""
    priority_weight: Whole | None = None
    """Which task gets a slot first: the one with the higher weight."""
    weight_rule: str | None = None
    """``downstream``, ``upstream``, ``absolute``, or the import path of a strategy."""
    trigger_rule: TriggerRule | None = None
    """What must have become of the steps before this one; ``all_success`` by default."""
    depends_on_past: Flag | None = None
    """Whether the step waits for its own success in the run before."""
    ignore_first_depends_on_past: Flag | None = None
    """Whether the first run does not ask about the past."""
    wait_for_past_depends_before_skipping: Flag | None = None
    """Whether a skip waits for the run before, too."""
    wait_for_downstream: Flag | None = None
    """Whether the step waits until the steps behind it have ended in the run before."""
    owner: str | None = None
    """Who answers for the step; the pipeline's owner by default."""
    email: Words = ()
    """Addresses that Airflow writes to; needs an SMTP connection."""
    email_on_retry: Flag | None = None
    """Whether a retry is told by mail."""
    email_on_failure: Flag | None = None
    """Whether a failure is told by mail."""
    params: dict[str, Any] | None = None
    """The task's own ``params``, for templates: over the pipeline's, below what a run is given."""
    on_execute_callback: Callbacks = ()
    """Called before the step begins."""
    on_failure_callback: Callbacks = ()
    """Called when the step failed for good."""
    on_success_callback: Callbacks = ()
    """Called when the step succeeded."""
    on_retry_callback: Callbacks = ()
    """Called when a try failed and another will follow."""
    on_skipped_callback: Callbacks = ()
    """Called when the step skipped itself."""
    pre_execute: Reference | None = None
    """Function of the context, called in the task's process right before it executes."""
    post_execute: Reference | None = None
    """Function of the context and the result, called right after."""
    map_index_template: str | None = None
    """What mapped tasks are called in the UI: a template."""
    max_active_tis_per_dag: Whole | None = Field(default=None, ge=1)
    """Tasks of this step that run at once, over all runs."""
    max_active_tis_per_dagrun: Whole | None = Field(default=None, ge=1)
    """Tasks of this step that run at once, in one run."""
    do_xcom_push: Flag | None = None
    """Whether the result is kept for other steps; true by default."""
    multiple_outputs: Flag | None = None
    """Whether a mapping that the step returns becomes one XCom for each key."""
    inlets: Assets = ()
    """Assets that the step reads."""
    outlets: Assets = ()
    """Assets that the step updates when it succeeds."""
    doc: str | None = None
    """Documentation on the task's page, as plain text."""
    doc_md: str | None = None
    """Documentation on the task's page, as Markdown."""
    doc_json: str | None = None
    """Documentation on the task's page, as JSON."""
    doc_yaml: str | None = None
    """Documentation on the task's page, as YAML."""
    doc_rst: str | None = None
    """Documentation on the task's page, as reStructuredText."""
    logger_name: str | None = None
    """Name of the logger that the operator writes to."""
    allow_nested_operators: Flag | None = None
    """Whether the operator may call another one in its code."""
    render_template_as_native_obj: Flag | None = None
    """Whether templates keep Python's types in place of text; the pipeline's word by default."""


class Defaults(Effort):
    """Said once for all steps: the layer below a group's and a step's own word."""

    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Arguments for every Airflow operator that takes them, such as ``conn_id``; those that a step gives itself replace them."""

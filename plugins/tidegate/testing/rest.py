"""Airflow's REST API in the words of a person: trigger, run, tasks, xcom, log, clear, backfill.

Runs in the process of the test or the demo; imports no Airflow.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from tidegate.errors import Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["AirflowApi", "TaskView"]

FINISHED_RUN = frozenset({"success", "failed"})
_PAGE = 100
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class TaskView:
    """What one task instance looks like now."""

    task_id: str
    map_index: int
    state: str | None
    """Airflow's word, or None before the scheduler has looked at it."""
    try_number: int
    started: datetime | None
    ended: datetime | None

    @property
    def key(self) -> str:
        """``load``, or ``by_product[3]`` for a mapped one."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> TaskView:
        """Read the API's answer."""
        return cls(
            task_id=answer["task_id"],
            map_index=answer["map_index"],
            state=answer["state"],
            try_number=answer["try_number"],
            started=_moment(answer["start_date"]),
            ended=_moment(answer["end_date"]),
        )


class AirflowApi:
    """A signed-in client; one object for one api-server and one user.

    A GET that meets a broken connection or a 5xx is tried again; whatever changes something is sent once.
    """

    def __init__(self, url: str, *, user: str, password: str) -> None:
        self._user = user
        self._password = password
        # trust_env: a proxy or a .netrc of the machine has no say about loopback.
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def sign_in(self) -> None:
        """Get a token for what follows."""
        answer = self._http.post("/auth/token", json={"username": self._user, "password": self._password})
        if not answer.is_success:
            raise Refused(f"Airflow does not let {self._user} in: {answer.status_code} {answer.text[:500]}")
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def answers(self, url: str) -> bool:
        """Whether something is well there: any address, as of another API that needs no sign-in."""
        try:
            return self._http.get(url, timeout=5).is_success
        except httpx.TransportError:
            return False

    def health(self) -> dict[str, Any] | None:
        """Return the health of all components, or None while the api-server does not answer."""
        try:
            answer = self._http.get("/api/v2/monitor/health", timeout=5)
        except httpx.TransportError:
            return None
        return answer.json() if answer.is_success else None

    def request(self, method: str, path: str, **kwargs: Any) -> Any:
        """Ask ``/api/v2`` + path and return the JSON that it answers.

        :raises Refused: it answered 4xx.
        :raises Unreachable: it did not answer, or 5xx.
        """
        attempts = _ATTEMPTS if method == "GET" else 1
        trouble = ""
        for attempt in range(attempts):
            time.sleep(0.3 * attempt)
            try:
                answer = self._http.request(method, f"/api/v2{path}", **kwargs)
            except httpx.TransportError as error:
                trouble = repr(error)
                continue
            if answer.status_code == HTTPStatus.UNAUTHORIZED and attempt + 1 < attempts:
                self.sign_in()
                continue
            if answer.is_success:
                return answer.json() if answer.content else None
            trouble = f"{answer.status_code} {answer.text[:2000]}"
            if answer.is_client_error:
                refused = Refused(f"Airflow answers {method} {path} with {trouble}")
                refused.add_note(str(answer.status_code))
                raise refused
        raise Unreachable(f"Airflow does not answer {method} {path}: {trouble}", hint="The api-server's log says why.")

    # -- DAGs --------------------------------------------------------------------------------------------------------

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """Return the DAG as Airflow knows it, or None when no file has brought it yet."""
        answer = self.request("GET", "/dags", params={"dag_id_pattern": dag_id, "limit": _PAGE})
        return next((dict(dag) for dag in answer["dags"] if dag["dag_id"] == dag_id), None)

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler start runs of this DAG."""
        self.request("PATCH", f"/dags/{_part(dag_id)}", params={"update_mask": "is_paused"}, json={"is_paused": False})

    def import_errors(self) -> list[str]:
        """Return the errors of DAG files that could not be read."""
        return [f"{error['filename']}\n{error['stack_trace']}" for error in self._all("/importErrors", "import_errors")]

    # -- Runs --------------------------------------------------------------------------------------------------------

    def trigger(
        self,
        dag_id: str,
        *,
        logical_date: datetime | None = None,
        interval: tuple[datetime, datetime] | None = None,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        note: str | None = None,
    ) -> str:
        """Start a run and return its id.

        Without ``interval`` the DAG's timetable infers it from ``logical_date``: for a cron timetable with data intervals, the last
        whole interval that ends at or before that date. Without both, the run has no data interval.
        """
        body: dict[str, Any] = {"logical_date": logical_date and _aware(logical_date).isoformat(), "conf": dict(conf or {})}
        if interval:
            body["data_interval_start"], body["data_interval_end"] = (_aware(moment).isoformat() for moment in interval)
        if run_id:
            body["dag_run_id"] = run_id
        if note:
            body["note"] = note
        return str(self.request("POST", f"/dags/{_part(dag_id)}/dagRuns", json=body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return the run: state, note, conf, data interval, dates."""
        return dict(self.request("GET", f"/dags/{_part(dag_id)}/dagRuns/{_part(run_id)}"))

    def runs(self, dag_id: str, **filters: Any) -> list[dict[str, Any]]:
        """Return the runs of a DAG, oldest first; filters as in the API."""
        return list(self._all(f"/dags/{_part(dag_id)}/dagRuns", "dag_runs", order_by="run_after", **filters))

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return all task instances of a run, mapped ones one by one."""
        return list(self._all(f"/dags/{_part(dag_id)}/dagRuns/{_part(run_id)}/taskInstances", "task_instances"))

    def views(self, dag_id: str, run_id: str) -> list[TaskView]:
        """Return all task instances of a run as small records, in a fixed order."""
        return sorted((TaskView.of(task) for task in self.tasks(dag_id, run_id)), key=lambda view: (view.task_id, view.map_index))

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task pushed, as JSON values."""
        path = f"{self._task(dag_id, run_id, task_id)}/xcomEntries/{_part(key)}"
        return self.request("GET", path, params={"map_index": map_index})["value"]

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """Return the log of one attempt as the UI shows it: one line a message, tracebacks below theirs."""
        path = f"{self._task(dag_id, run_id, task_id)}/logs/{try_number}"
        content = self.request("GET", path, params={"map_index": map_index, "full_content": True}, headers={"Accept": "application/json"})
        return "\n".join(_line(message) for message in content["content"])

    def clear(
        self, dag_id: str, run_id: str, task_ids: list[str] | None = None, *, only_failed: bool = False, include_downstream: bool = False
    ) -> list[str]:
        """Let the run, or some of its tasks, run again; return the ids of the tasks that will."""
        body: dict[str, Any] = {"dry_run": False, "only_failed": only_failed, "include_downstream": include_downstream}
        body |= {"dag_run_id": run_id, "reset_dag_runs": True}
        if task_ids is not None:
            body["task_ids"] = task_ids
        answer = self.request("POST", f"/dags/{_part(dag_id)}/clearTaskInstances", json=body)
        return [task["task_id"] for task in answer["task_instances"]]

    # -- Backfills ---------------------------------------------------------------------------------------------------

    def backfill(
        self,
        dag_id: str,
        start: datetime,
        end: datetime,
        *,
        reprocess: str = "none",
        conf: Mapping[str, Any] | None = None,
        max_active_runs: int = 4,
        timeout: float = 60,
    ) -> int:
        """Create the runs between two dates and return the backfill's id.

        The scheduler marks an ended backfill only every 30 seconds, and until then refuses another one of the same DAG (409); so this
        waits for up to ``timeout`` seconds. On SQLite it also refuses while another process writes.
        """
        body = {
            "dag_id": dag_id,
            "from_date": _aware(start).isoformat(),
            "to_date": _aware(end).isoformat(),
            "reprocess_behavior": reprocess,
            "dag_run_conf": dict(conf or {}),
            "max_active_runs": max_active_runs,
        }
        deadline = time.monotonic() + timeout
        while True:
            try:
                return int(self.request("POST", "/backfills", json=body)["id"])
            except Refused as refused:
                if str(int(HTTPStatus.CONFLICT)) not in getattr(refused, "__notes__", ()) or time.monotonic() > deadline:
                    raise
            except Unreachable as error:
                if "Database is locked" not in error.message or time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def backfill_runs(self, backfill_id: int) -> list[dict[str, Any]]:
        """Return the runs that a backfill created or took over."""
        backfill = self.request("GET", f"/backfills/{backfill_id}")
        between = {"logical_date_gte": backfill["from_date"], "logical_date_lte": backfill["to_date"]}
        return self.runs(backfill["dag_id"], run_type="backfill", **between)

    # ----------------------------------------------------------------------------------------------------------------

    def _all(self, path: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Walk through all pages of a collection."""
        offset = 0
        while True:
            page = self.request("GET", path, params={**params, "limit": _PAGE, "offset": offset})
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= (page["total_entries"] or 0):
                return

    @staticmethod
    def _task(dag_id: str, run_id: str, task_id: str) -> str:
        return f"/dags/{_part(dag_id)}/dagRuns/{_part(run_id)}/taskInstances/{_part(task_id)}"


def _part(text: str) -> str:
    return quote(text, safe="")


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# Keys that have a place of their own in the line, and those that every line of one task repeats; the UI hides them too.
_SHOWN_ELSEWHERE = frozenset({"timestamp", "level", "event", "logger", "filename", "lineno", "error_detail", "exception"})
_SAME_IN_ALL_LINES = frozenset({"dag_id", "task_id", "run_id", "ti_id", "map_index", "try_number"})


def _line(message: Mapping[str, Any] | str) -> str:
    """Render one structured message: time, level, text, the remaining keys, and the traceback."""
    if isinstance(message, str):
        return message
    head = f"[{message['timestamp']}] " if message.get("timestamp") else ""
    level = f"{str(message['level']).upper()} - " if message.get("level") else ""
    rest = "".join(f" {key}={value!r}" for key, value in message.items() if key not in _SHOWN_ELSEWHERE | _SAME_IN_ALL_LINES)
    errors = "".join(f"\n{_traceback(error)}" for error in message.get("error_detail") or ())
    return f"{head}{level}{message.get('event', '')}{rest}{errors}"


def _traceback(error: Mapping[str, Any]) -> str:
    frames = "".join(f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}\n' for frame in error.get("frames") or ())
    notes = "".join(f"\n{note}" for note in error.get("exc_notes") or ())
    return f"{frames}{error.get('exc_type')}: {error.get('exc_value')}{notes}"

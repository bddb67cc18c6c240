"""The team's deployment: docker-compose.yaml, Dockerfile and .env.example, held to what must be true of them without starting anything."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
ENVIRONMENT: dict[str, str] = COMPOSE["x-airflow-environment"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()

STORES = {"postgres", "redis", "object-store"}
AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}
ONE_SHOT = {"airflow-init", "staging-bucket"}
LONG_RUNNING = STORES | AIRFLOW

REQUIRED = re.compile(r"\$\{([A-Z][A-Z0-9_]*):\?[^}]+\}")
SECRET_NAME = re.compile(r"SECRET|PASSWORD(?!S_FILE)|KEY|TOKEN")
CREDENTIALS_IN_URL = re.compile(r"://[^:/@\s]*:(?P<password>[^@]+)@")
SECRET_IN_JSON = re.compile(r'"(?:login|password|secret|token)": "(?P<value>[^"]*)"')

CELERY_OPTIONS = {"celery": {"broker_url", "worker_concurrency"}, "celery_broker_transport_options": {"visibility_timeout"}}
"""Of the Celery provider, which the image has and a developer's environment may not: its own list is used where it is installed."""

TIDEGATE_OPTIONS = {"staging"}


def _environment(service: str) -> dict[str, str]:
    environment: dict[str, str] = SERVICES[service].get("environment", {})
    return environment


def test_the_services_are_all_there() -> None:
    """A team needs these, and each is either long-running or runs once."""
    assert set(SERVICES) == LONG_RUNNING | ONE_SHOT


@pytest.mark.parametrize("service", sorted(LONG_RUNNING))
def test_whatever_runs_on_is_watched_and_restarted(service: str) -> None:
    """Every long-running service has a health check with its limits spelled out, and comes back after a crash."""
    assert SERVICES[service]["restart"] == "unless-stopped"
    check = SERVICES[service]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("service", sorted(ONE_SHOT))
def test_whatever_runs_once_is_not_restarted(service: str) -> None:
    """A one-shot service that ended well must not start again."""
    assert SERVICES[service]["restart"] == "no"
    assert "healthcheck" not in SERVICES[service]


@pytest.mark.parametrize(
    ("service", "job"),
    [("scheduler", "SchedulerJob"), ("dag-processor", "DagProcessorJob"), ("triggerer", "TriggererJob")],
)
def test_jobs_are_checked_by_their_own_heartbeat(service: str, job: str) -> None:
    """The check looks at this container's job, not at a sibling's."""
    assert SERVICES[service]["healthcheck"]["test"] == ["CMD", "airflow", "jobs", "check", "--job-type", job, "--local"]


def test_nothing_starts_before_what_it_needs() -> None:
    """Stores are healthy and the database is migrated before any Airflow process starts; workers also need the API and the bucket."""
    prepared = {"postgres": "service_healthy", "redis": "service_healthy", "airflow-init": "service_completed_successfully"}
    for service in AIRFLOW:
        waits = {name: wait["condition"] for name, wait in SERVICES[service]["depends_on"].items()}
        assert prepared.items() <= waits.items(), service
    assert SERVICES["worker"]["depends_on"]["api-server"] == {"condition": "service_healthy"}
    assert SERVICES["worker"]["depends_on"]["staging-bucket"] == {"condition": "service_completed_successfully"}
    assert SERVICES["airflow-init"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["staging-bucket"]["depends_on"] == {"object-store": {"condition": "service_healthy"}}


def test_airflow_is_set_up_for_a_team() -> None:
    """Celery carries the tasks, PostgreSQL the state, and an object store the rows, by a connection that every process has."""
    assert ENVIRONMENT["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert ENVIRONMENT["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith("postgresql+psycopg2://")
    assert ENVIRONMENT["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://api-server:8080/execution/"
    assert ENVIRONMENT["AIRFLOW__TIDEGATE__STAGING"] == "s3://aws_default@staging/"
    connection = json.loads(REQUIRED.sub("x", ENVIRONMENT["AIRFLOW_CONN_AWS_DEFAULT"]))
    assert connection["extra"]["endpoint_url"] == "http://object-store:7070"
    for service in AIRFLOW | ONE_SHOT:
        assert ENVIRONMENT.items() <= _environment(service).items(), service


def test_no_secret_is_written_down() -> None:
    """Whatever is secret by its name, in a URL or in a connection comes from outside, and its absence is an error."""
    seen = 0
    for service in SERVICES:
        for name, value in _environment(service).items():
            literal = [value] if SECRET_NAME.search(name) else []
            literal += [match["password"] for match in CREDENTIALS_IN_URL.finditer(value)]
            literal += [match["value"] for match in SECRET_IN_JSON.finditer(value)]
            assert [part for part in literal if not REQUIRED.fullmatch(part)] == [], f"{service}: {name}"
            seen += len(literal)
    assert seen > len(SERVICES)


def test_only_the_service_that_writes_the_admin_password_knows_it() -> None:
    """The tasks that run on workers have no business with it."""
    assert [name for name in SERVICES if "AIRFLOW_ADMIN_PASSWORD" in _environment(name)] == ["airflow-init"]
    assert [name for name in SERVICES if any("auth:" in str(volume) for volume in SERVICES[name].get("volumes", []))] == [
        "airflow-init",
        "api-server",
    ]


def test_only_the_api_server_is_published_and_only_to_this_machine() -> None:
    """No store is reachable from outside; the API server is when somebody asks for it."""
    assert {name: SERVICES[name]["ports"] for name in SERVICES if "ports" in SERVICES[name]} == {
        "api-server": ["${TIDEGATE_BIND:-127.0.0.1}:${TIDEGATE_PORT:-8080}:8080"]
    }


def test_volumes_are_named_and_the_pipelines_read_only() -> None:
    """What must survive has a name; no container can change a DAG."""
    used = set()
    for service in SERVICES.values():
        for source, _, rest in (volume.partition(":") for volume in service.get("volumes", [])):
            if source.startswith("."):
                assert rest.endswith(":ro")
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"])
    for service in AIRFLOW:
        assert {"./dags:/opt/airflow/dags:ro", "./include:/opt/airflow/include:ro"} <= set(SERVICES[service]["volumes"])


def test_images_are_pinned() -> None:
    """Every image names a version: what ran yesterday runs tomorrow."""
    images = {SERVICES[name]["image"] for name in STORES} | set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    for image in images:
        name, _, tag = image.rpartition(":")
        assert name, image
        assert re.search(r"\d+\.\d+", tag), image
    for name in AIRFLOW | ONE_SHOT:
        assert (SERVICES[name]["build"], SERVICES[name]["image"]) == (".", "${TIDEGATE_IMAGE:-tidegate-airflow:0.1.0}")


def test_the_image_holds_what_the_pack_needs() -> None:
    """The pinned requirements, then the pack itself without resolving anything anew, run by nobody special."""
    assert "pip install --requirement requirements-team.txt --requirement requirements.txt" in DOCKERFILE
    assert "pip install --no-deps ." in DOCKERFILE
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1] == "50000:0"
    for line in re.findall(r"^(?:CMD|ENTRYPOINT) (.*)$", DOCKERFILE, re.MULTILINE):
        assert line.startswith("["), "the exec form: a shell in between would swallow the stop signal"


def test_celery_and_its_provider_fit() -> None:
    """Provider 3.26.0 imports what Celery 5.7 removed, though its metadata allows it: neither scheduler nor worker would start."""
    pins = dict(line.split("==") for line in (ROOT / "requirements-team.txt").read_text().splitlines() if "==" in line)
    if pins["apache-airflow-providers-celery"] == "3.26.0":
        assert tuple(map(int, pins["celery"].split("."))) < (5, 7)


def test_the_image_gets_what_it_copies() -> None:
    """`.dockerignore` lets in exactly what the Dockerfile copies, so that neither .env nor .git ever reaches a layer."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for source in line.split()[:-1]}
    assert copied == let_in
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_the_example_names_exactly_what_is_required() -> None:
    """Whoever fills in .env.example can start; it holds no value of its own."""
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if line and not line.startswith("#")]
    assert sorted(lines) == sorted(f"{name}=" for name in set(REQUIRED.findall(TEXT)))


def test_the_filled_in_example_stays_out_of_git() -> None:
    """.env holds every secret."""
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env", "/.env"} & set(ignored)


def _known_options() -> dict[str, set[str]]:
    """Ask the installed Airflow and its providers what they know, and add what the image knows besides."""
    from airflow.configuration import retrieve_configuration_description

    known = {section: set(about["options"]) for section, about in retrieve_configuration_description().items()}
    return CELERY_OPTIONS | known | {"tidegate": TIDEGATE_OPTIONS}


@pytest.mark.parametrize("name", sorted({name for service in SERVICES for name in _environment(service) if name.startswith("AIRFLOW__")}))
def test_airflow_knows_every_option(name: str) -> None:
    """Airflow says nothing about an option it does not know; this does."""
    section, option = name.removeprefix("AIRFLOW__").lower().split("__")
    known = _known_options()
    assert section in known
    assert option in known[section]


def _compose_command() -> list[str]:
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    return pytest.skip("neither `docker compose` nor docker-compose is installed: run `make servers`")


def _config(tmp_path: Path, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`docker compose config` with these values alone: neither the .env nor the environment of whoever runs the tests."""
    filled_in = tmp_path / "env"
    filled_in.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    command = [*_compose_command(), "--file", str(ROOT / "docker-compose.yaml"), "--env-file", str(filled_in), "config"]
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    return subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)


def test_compose_accepts_the_file(tmp_path: Path) -> None:
    """Compose reads the file, and every value arrives where it is needed."""
    values = {name: f"given-{name.lower()}" for name in REQUIRED.findall(TEXT)}
    done = _config(tmp_path, values)
    assert done.returncode == 0, done.stderr
    rendered = yaml.safe_load(done.stdout)["services"]
    assert set(rendered) == set(SERVICES)
    worker = rendered["worker"]["environment"]
    assert worker["AIRFLOW__CELERY__BROKER_URL"] == "redis://:given-redis_password@redis:6379/0"
    assert json.loads(worker["AIRFLOW_CONN_AWS_DEFAULT"])["password"] == "given-staging_secret_key"
    assert [value for value in values.values() if value not in done.stdout] == []


@pytest.mark.parametrize("missing", sorted(set(REQUIRED.findall(TEXT))))
def test_compose_refuses_to_start_without_a_secret(tmp_path: Path, missing: str) -> None:
    """An empty password is no password; the message names the variable and where to read about it."""
    values = {name: "" if name == missing else "given" for name in REQUIRED.findall(TEXT)}
    done = _config(tmp_path, values)
    assert done.returncode != 0
    assert missing in done.stderr
    assert ".env.example" in done.stderr

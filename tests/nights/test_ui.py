"""Airflow's own UI in a real browser: the trigger form, the backfill dialog, and a partial night that says so."""

from __future__ import annotations

import shutil
import time
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page
    from town import Town

pytestmark = [pytest.mark.scheduler, pytest.mark.slow]
CHROMIUM = shutil.which("chromium")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")  # fmt: skip


@pytest.fixture(scope="module")
def page(town: Town) -> Iterator[Page]:
    """A browser that has signed in."""
    if CHROMIUM is None:
        pytest.skip("no chromium: run make servers")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(town.airflow.url)
        page.fill("input[name=username]", town.airflow.user)
        page.fill("input[name=password]", town.airflow.password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "login" not in url)
        yield page
        browser.close()


def open_form(page: Page, town: Town) -> None:
    """The trigger dialog of shop_sales."""
    page.goto(f"{town.airflow.url}/dags/shop_sales")
    page.get_by_role("button", name="Trigger").first.click()
    page.get_by_text("Interval start (inclusive)").wait_for()


def pick(page: Page, day: str) -> None:
    """Fill the next empty date field with a day's midnight."""
    page.get_by_text("Select date and time").first.click()
    page.get_by_placeholder("YYYY/MM/DD").fill(day)
    page.get_by_placeholder("HH:mm").fill("00:00")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_placeholder("YYYY/MM/DD").wait_for(state="hidden")


def new_run(town: Town, known: set[str]) -> dict[str, Any]:
    """The run that was not there before."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if fresh := [run for run in town.airflow.api.runs("shop_sales") if run["dag_run_id"] not in known]:
            return fresh[0]
        time.sleep(0.3)
    pytest.fail("no run was created")


def known_runs(town: Town) -> set[str]:
    """The ids of all runs so far."""
    return {run["dag_run_id"] for run in town.airflow.api.runs("shop_sales")}


def test_a_person_triggers_some_shops_for_one_day_and_reads_that_it_is_partial(page: Page, town: Town) -> None:
    """By clicking: two shops removed, the day picked; then the note stands on the run's page."""
    town.sell(date(2026, 2, 25))
    before = known_runs(town)
    open_form(page, town)
    for shop in ("ben", "carl"):
        page.get_by_label(f"Remove {shop}").click()
    pick(page, "2026/02/25")
    pick(page, "2026/02/26")
    page.get_by_role("button", name="Trigger").last.click()
    run = new_run(town, before)
    assert run["conf"]["shop"] == ["anna", "dora"]
    assert run["conf"]["interval_start"].startswith("2026-02-25T00:00")
    assert town.airflow.wait("shop_sales", run["dag_run_id"], timeout=120) == "success"
    assert {row[0] for row in town.loaded(date(2026, 2, 25))} == {"anna", "dora"}

    page.goto(f"{town.airflow.url}/dags/shop_sales/runs/{run['dag_run_id']}")
    page.get_by_text("Success").first.wait_for()
    page.get_by_text("shop_sales for 2026-02-25 is partial: 2 of 4 shops, 40 rows.").first.wait_for()


def test_a_person_backfills_a_day(page: Page, town: Town) -> None:
    """Through the dialog's other half; the missing shops come with it, and no number changes that was right."""
    day = date(2026, 2, 26)
    town.sell(day)
    before = known_runs(town)
    open_form(page, town)
    page.get_by_text("Run this Dag for a range of dates").click()
    pick(page, "2026/02/26")
    pick(page, "2026/02/26")
    page.get_by_role("button", name="Run Backfill").click()
    run = new_run(town, before)
    assert (run["run_type"], run["data_interval_start"][:10]) == ("backfill", "2026-02-26")
    assert town.airflow.wait("shop_sales", run["dag_run_id"], timeout=120) == "success"
    assert town.loaded(day) == town.truth(day)

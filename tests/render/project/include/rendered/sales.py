"""Functions that rich.yaml names."""


def tables(day: str) -> list[str]:
    """Names of tables."""
    return [day]


def paths() -> list[str]:
    """Where they lie."""
    return ["/a", "/b"]


def clean(rows: str, day: str = "") -> dict[str, str]:
    """Return a mapping, which Airflow takes apart."""
    return {"rows": rows, "day": day}


def each(table: str, path: str = "") -> None:
    """Look at one table."""


def note(context: object) -> None:
    """Be called on failure."""

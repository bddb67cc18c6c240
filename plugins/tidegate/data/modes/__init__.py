"""What a load does with the rows that are in the table already: one module a mode.

======== ============================================================== ===================================================
mode     what comes                                                     what was there
======== ============================================================== ===================================================
replace  stands in place of all rows that share a key with it           goes, where its keys come or its branch has them no more
append   is added, once for each branch of an interval                  stays
merge    changes the row that has its key, or is added                  stays, also where it does not come
swap     is the whole table                                             goes
======== ============================================================== ===================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.modes.job import Decision, Job
    from tidegate.data.others import Others
    from tidegate.data.parts import Part


class Mode(Protocol):
    """How rows are put beside, or in place of, those that are there."""

    keyed_by: tuple[str, ...] = ()
    """Whose values are the keys that the ledger remembers."""
    once: bool
    """Whether a load that comes again leaves what it has written, and so must find the table."""

    def examine(self, files: Sequence[Part]) -> None:
        """Look at the rows before the database is asked anything.

        :raises LoadRefused: they lack what this mode needs.
        """

    def table(self, job: Job, schema: pa.Schema, dialect: str) -> sa.Table:
        """The table to make for such rows where there is none."""

    def decide(self, job: Job, files: Sequence[Part], held: Mapping[str, LoadRow], others: Others) -> Decision:
        """Which parts to write.

        :param held: what the ledger has of this interval in this table, by branch.
        :param others: what it has of other intervals and pipelines in this table, by the load's own connection.
        :raises LoadRefused: rows would be lost, doubled or mixed up.
        """

    def write(self, connection: sa.Connection, job: Job, decision: Decision) -> int:
        """Change the table; give the number of rows that were brought."""

    def partitions(self, part: Part) -> tuple[str, ...]:
        """The keys that the ledger remembers of a part's rows."""


def mode_of(mode: str, *, replace: Sequence[str], merge: Sequence[str]) -> Mode:
    """The mode of this name, for one load."""
    if mode == "append":
        from tidegate.data.modes.append import Append

        return Append()
    if mode == "merge":
        from tidegate.data.modes.merge import Merge

        return Merge(tuple(merge))
    if mode == "swap":
        from tidegate.data.modes.swap import Swap

        return Swap()
    from tidegate.data.modes.replace import Replace

    return Replace(tuple(replace))

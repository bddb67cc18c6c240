"""Lists and outputs taken side by side, for ``expand_kwargs``. Airflow's own ``zip`` takes outputs only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from airflow.sdk import XComArg
from airflow.sdk.definitions.xcom_arg import ZipXComArg

from tidegate.errors import DataRefused


def zipped(**arguments: Sequence[Any] | XComArg) -> list[dict[str, Any]] | XComArg:
    """The mappings of arguments for :meth:`expand_kwargs`, one for each mapped task. Runs while a DAG is built.

    :param arguments: Lists, and what tasks return. Lists must be as long as each other and as what is returned; of several returned lists the
        shortest counts, as in Airflow.
    :raises ValueError: lists differ in length.
    """
    outputs = {name: value for name, value in arguments.items() if isinstance(value, XComArg)}
    lists: dict[str, Sequence[Any]] = {name: value for name, value in arguments.items() if not isinstance(value, XComArg)}
    if not outputs:
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    return Zip(list(outputs.values()), names=tuple(outputs), lists=lists)


@attrs.define
class Zip(ZipXComArg):
    """What the scheduler sees as Airflow's own zip of the outputs; the worker adds the lists and names the arguments.

    Airflow tells the scheduler of an XComArg by its base class, and resolves it in the worker from the DAG file: so a subclass needs nothing
    in the scheduler. How many mapped tasks there are depends on the outputs alone.
    """

    names: tuple[str, ...] = attrs.field(kw_only=True)
    lists: Mapping[str, Sequence[Any]] = attrs.field(kw_only=True, factory=dict)

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """The mapped tasks' arguments. Runs in a worker, before the task itself.

        :raises DataRefused: a list is not as long as what was returned.
        """
        rows = super().resolve(context)
        for name, values in self.lists.items():
            if len(values) != len(rows):
                raise DataRefused(
                    f"'{name}' lists {len(values)} values for 'zip', but {len(rows)} were returned beside it.",
                    hint="Make both as long as each other, or return the list from a step too.",
                )
        return _Mappings(rows, self.names, self.lists)


@attrs.define
class _Mappings(Sequence[dict[str, Any]]):
    rows: Sequence[tuple[Any, ...]]
    names: tuple[str, ...]
    lists: Mapping[str, Sequence[Any]]

    def __getitem__(self, index: Any) -> Any:
        named = dict(zip(self.names, self.rows[index], strict=True))
        return {**named, **{name: values[index] for name, values in self.lists.items()}}

    def __len__(self) -> int:
        return len(self.rows)

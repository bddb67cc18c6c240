"""The two halves of every way into a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Way:
    """How a batch becomes what the database takes, and how it takes it."""

    make: Callable[[pa.RecordBatch], Iterable[Any]]
    """Called in another thread than ``send``, and ahead of it."""
    send: Callable[[Any], object]

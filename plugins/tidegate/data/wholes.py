"""Shares of the rows of several branches, taken for one part again: all of them, or none.

Each share is computed, staged and tried again by itself. What a load writes is the whole: one attempt for each of its branches, as old as the oldest source and
as new as the share that was written last.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from dataclasses import replace as with_field
from typing import TYPE_CHECKING, NoReturn

from tidegate.data.manifest import Manifest, Share
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole(Manifest):
    """All shares of the rows of some branches, as the one part that they are for a load."""

    parts: tuple[Manifest, ...]
    """The shares, in order."""

    @property
    def files(self) -> tuple[Manifest, ...]:
        """The staged files, each by its own receipt."""
        return self.parts


def gathered(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Manifests, with the shares of a whole joined. Of several wholes that one step has made the newest counts, as of attempts.

    :raises DataRefused: a share of the newest whole is missing, so that some rows of its branches would be, too.
    """
    found: list[Manifest] = []
    dealt: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        if manifest.share is None:
            found.append(manifest)
        else:
            dealt.setdefault(manifest.step, []).append(manifest)
    return [*found, *(_newest(several) for several in dealt.values())]


def _newest(several: Sequence[Manifest]) -> Whole:
    """The whole that was begun last. Where rows stand in that some share could not be computed with, it is the one without them."""
    wholes: dict[str, dict[int, Manifest]] = {}
    for manifest in several:
        for part in filter(None, (manifest, manifest.instead)):
            known = wholes.setdefault(_share(part).whole, {})
            if (other := known.get(_share(part).number)) is None or other.written_at < part.written_at:
                known[_share(part).number] = part
    last = max(several, key=lambda manifest: manifest.written_at)
    ways = [wholes[_share(way).whole] for way in (last, last.instead) if way is not None]
    full = [_joined(parts) for parts in ways if len(parts) == _share(last).of]
    if not full:
        _refuse(several, ways[0])
    return with_field(full[0], instead=full[1] if len(full) > 1 else None)


def _joined(parts: Mapping[int, Manifest]) -> Whole:
    """All shares as one part. It is as old as the oldest source, and as new as the share that was written last, as if one task had made it."""
    ordered = [parts[number] for number in sorted(parts)]
    told = {field.name: getattr(ordered[0], field.name) for field in fields(Manifest)}
    attempts = hashlib.sha256(json.dumps([part.attempt for part in ordered]).encode()).hexdigest()
    broken: dict[str, int] = {}
    for rule, rows in (pair for part in ordered for pair in part.broken.items()):
        broken[rule] = broken.get(rule, 0) + rows
    told |= {
        "branch": "all",
        "attempt": f"{_share(ordered[0]).of}-parts-{attempts[:16]}",
        "path": "",
        "sha256": "",
        "rows": sum(part.rows for part in ordered),
        "bytes": sum(part.bytes for part in ordered),
        "read_at": min(part.read_at for part in ordered),
        "written_at": max(part.written_at for part in ordered),
        "quarantined": sum(part.quarantined for part in ordered),
        "broken": broken,
        "instead": None,
        "share": None,
    }
    return Whole(**told, parts=tuple(ordered))


def _refuse(several: Sequence[Manifest], there: Mapping[int, Manifest]) -> NoReturn:
    first = next(iter(there.values()))
    of, step = _share(first).of, first.step
    missing = [str(number + 1) for number in range(of) if number not in there]
    told = f"part {missing[0]} is" if len(missing) == 1 else f"parts {', '.join(missing)} are"
    other = len(several) - len(there)
    others = f"; {other} {'is' if other == 1 else 'are'} made of other rows" if other > 0 else ""
    message = f"Of the {of} parts of {step} that were made of the same rows {told} missing{others}."
    raise DataRefused(
        message, hint=f"Clear all of {step} that did not succeed or is older than the rest: its parts go together, or not at all."
    )


def _share(part: Manifest) -> Share:
    assert part.share is not None  # noqa: S101  told by those that ask
    return part.share

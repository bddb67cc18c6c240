"""Keys that must not come twice: which rows repeat one, over any number of batches, in bounded memory.

Up to 16 bytes a key are compared as they are: one number, date or time, or two. Texts and longer keys are compared by 128 bits of hash, with a
secret that each process makes anew: that two of a billion keys share theirs by chance is as likely as one in 10²⁰, so no row is refused for it.
Sorted runs of keys are merged as they grow; long ones lie in files of a temporary folder. Keys of 16 bytes are sorted by 8 that were stirred, so that
hardly any two share them, which NumPy does ten times as fast as by 16.
"""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

RUN_KEYS = 1_000_000
"""So many keys make a run that is put into a file."""
_SECRETS = (secrets.token_hex(8), secrets.token_hex(8))
_LANES = [np.uint64(int(secret, 16)) for secret in _SECRETS]
_STEPS = [(np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB))]
_LAST, _MORE = np.uint64(31), np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class _Run:
    """Keys, each of one word or two."""

    high: Words
    low: Words | None
    """None where the one word is the key."""

    def __len__(self) -> int:
        return len(self.high)

    def __getitem__(self, rows: Any) -> _Run:
        return _Run(self.high[rows], None if self.low is None else self.low[rows])

    def sorted(self) -> NDArray[np.int64]:
        """The order in which equal keys stand side by side, the earlier before the later."""
        order = np.argsort(self.high, kind="stable")
        if self.low is not None:
            ordered = self[order]
            same_high = ordered.high[1:] == ordered.high[:-1]
            if same_high.any() and (same_high & ~ordered.same(slice(1, None), ordered, slice(-1))).any():
                return np.lexsort((self.low, self.high))
        return order

    def same(self, rows: Any, other: _Run, others: Any) -> NDArray[np.bool_]:
        """Whether keys of this run are those of another, one by one."""
        equal: NDArray[np.bool_] = self.high[rows] == other.high[others]
        return equal if self.low is None or other.low is None else equal & (self.low[rows] == other.low[others])

    def has(self, keys: _Run) -> NDArray[np.bool_]:
        """Which of some keys are in this run, which is sorted."""
        found, left = np.zeros(len(keys), bool), np.arange(len(keys))
        at = np.searchsorted(self.high, keys.high)
        while len(left):
            left = left[at[left] < len(self)]
            left = left[self.high[at[left]] == keys.high[left]]
            found[left] = self.same(at[left], keys, left)
            left = left[~found[left]]  # another key with the same high word may stand behind
            at[left] += 1
        return found

    def and_(self, other: _Run) -> _Run:
        """Both, sorted."""
        low = None if self.low is None or other.low is None else np.concatenate([self.low, other.low])
        both = _Run(np.concatenate([self.high, other.high]), low)
        return both[both.sorted()]


@dataclass(frozen=True, slots=True)
class _Told:
    """The keys of a batch's rows."""

    numbers: NDArray[np.int64]
    """Of each row the number of its key; -1 for none."""
    known: NDArray[np.bool_]
    """The rows whose key has come in a batch before."""
    distinct: _Run | None
    """By their numbers; None where there are none."""


def repeated(several: Sequence[Keys], batch: pa.RecordBatch, among: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Of each list of columns the rows that have the key of an earlier row, of this batch or of one before.

    A row that repeats one key claims none: what is set aside stands in nobody's way.

    :param among: the rows that count.
    """
    told = [keys.told_apart(batch, among) for keys in several]
    again = [one.known.copy() for one in told]
    doubtful = np.zeros(batch.num_rows, bool)
    for one in told:
        numbers = one.numbers + 1
        doubtful |= (numbers > 0) & (np.bincount(numbers)[numbers] > 1)
    claimed: list[set[int]] = [set() for _ in told]
    for row in np.flatnonzero(doubtful).tolist():
        found = [int(one.numbers[row]) for one in told]
        for mask, number, taken in zip(again, found, claimed, strict=True):
            mask[row] |= number in taken
        if not any(mask[row] for mask in again):
            for number, taken in zip(found, claimed, strict=True):
                taken.update({number} - {-1})
    for keys, one in zip(several, told, strict=True):
        keys.claim(one, among & ~np.logical_or.reduce(again))
    return again


class Keys:
    """The keys that have come so far, of one list of columns."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._runs: list[_Run] = []
        self._files: tempfile.TemporaryDirectory[str] | None = None

    def told_apart(self, batch: pa.RecordBatch, among: NDArray[np.bool_]) -> _Told:
        """The keys of some rows of a batch. A key with a NULL in it is like no other."""
        arrays = [batch.column(name) for name in self.columns]
        whole = among.copy()
        for array in arrays:
            if array.null_count:
                whole &= np.asarray(array.is_valid())
        numbers, known = np.full(batch.num_rows, -1), np.zeros(batch.num_rows, bool)
        if not whole.any():
            return _Told(numbers, known, None)
        keys = _keys(arrays if whole.all() else [array.filter(pa.array(whole)) for array in arrays])
        order = keys.sorted()
        keys = keys[order]
        first = np.concatenate([[True], ~keys.same(slice(1, None), keys, slice(-1))])
        distinct = keys[first]
        came = np.zeros(len(distinct), bool)
        for run in self._runs:
            came |= run.has(distinct)
        number = np.empty(len(keys), np.int64)
        number[order] = np.cumsum(first) - 1
        numbers[whole], known[whole] = number, came[number]
        return _Told(numbers, known, distinct)

    def claim(self, told: _Told, rows: NDArray[np.bool_]) -> None:
        """From here on a row that has the key of one of these repeats it."""
        numbers = told.numbers[rows]
        if told.distinct is not None:
            self._add(told.distinct[np.unique(numbers[numbers >= 0])])

    def close(self) -> None:
        """Forget all."""
        self._runs.clear()
        if self._files is not None:
            self._files.cleanup()

    def _add(self, keys: _Run) -> None:
        """Another run. Those of like size are merged, so that there are few."""
        if not len(keys):
            return
        self._runs.append(keys)
        while len(self._runs) > 1 and not isinstance(self._runs[-2].high, np.memmap) and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            self._runs[-2:] = [self._runs[-2].and_(self._runs[-1])]
        if len(self._runs[-1]) >= RUN_KEYS:
            run = self._runs.pop()
            self._runs.insert(0, _Run(self._filed(run.high), None if run.low is None else self._filed(run.low)))

    def _filed(self, words: Words) -> Words:
        if self._files is None:
            self._files = tempfile.TemporaryDirectory(prefix="tidegate-keys-")
        path = Path(self._files.name) / secrets.token_hex(8)
        words.tofile(path)
        return np.memmap(path, words.dtype, "r")


def _keys(arrays: Sequence[pa.Array]) -> _Run:
    """The key of each row. No array has a NULL."""
    words = [word for array in arrays for word in _words(array)]
    if len(words) == 1:
        return _Run(words[0], None)
    if len(words) == 2:  # noqa: PLR2004  what 16 bytes hold
        return _Run(_mixed(words[0] + _mixed(words[1] + _LANES[0])), words[1])  # of each low word another high one: no two keys become one
    return _Run(*(_mixed_down(words, lane) for lane in _LANES))


def _words(array: pa.Array) -> list[Words]:
    """Of each value 64 bits that stand for it, or twice 64."""
    kind = array.type
    if pat.is_string(kind) or pat.is_binary(kind):
        from pandas.util import hash_array

        values = array.to_numpy(zero_copy_only=False)
        return [hash_array(values, hash_key=secret, categorize=False) for secret in _SECRETS]
    if pat.is_decimal(kind):
        halves = np.frombuffer(array.buffers()[1], np.uint64)[2 * array.offset : 2 * (array.offset + len(array))]
        return [halves[0::2], halves[1::2]]
    if pat.is_floating(kind):
        floats = array.to_numpy(zero_copy_only=False) + 0.0  # -0.0 is 0.0
        floats[np.isnan(floats)] = np.nan
        return [floats.view(np.uint64)]
    if pat.is_date(kind):
        array = array.cast(pa.int32())
    return [array.cast(pa.int64()).to_numpy(zero_copy_only=False).view(np.uint64)]


def _mixed_down(words: Sequence[Words], lane: np.uint64) -> Words:
    mixed = np.full(len(words[0]), lane)
    for word in words:
        mixed = _mixed(mixed * _MORE ^ _mixed(word + lane))
    return mixed


def _mixed(words: Words) -> Words:
    """The bits of each word stirred, by SplitMix64's way: no two words become one."""
    for shift, factor in _STEPS:
        words = (words ^ words >> shift) * factor
    return words ^ words >> _LAST

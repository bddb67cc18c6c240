"""Keys that must not come twice: which rows repeat one, over any number of batches, in bounded memory.

Up to 16 bytes a key are compared as they are: one number, date or time, or two. Texts and longer keys are compared by 128 bits of hash, with a
secret that each process makes anew: that two of a billion keys share theirs by chance is as likely as one in 10²⁰, so no row is refused for it.
Sorted runs of keys are merged as they grow; long ones lie in files of a temporary folder.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

RUN_KEYS = 4_000_000
"""So many keys make a run that is put into a file."""
_SECRETS = (secrets.token_hex(8), secrets.token_hex(8))
_LANES = [np.uint64(int(secret, 16)) for secret in _SECRETS]
_STEPS = [(np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB))]
_LAST, _MORE = np.uint64(31), np.uint64(0x9E3779B97F4A7C15)


class Keys:
    """The keys that have come so far, of one list of columns."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._runs: list[NDArray[Any]] = []
        self._files: tempfile.TemporaryDirectory[str] | None = None

    def repeated(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Which rows have the key of an earlier row, of this batch or of one before. A key with a NULL in it is like no other."""
        arrays = [batch.column(name) for name in self.columns]
        whole = np.ones(batch.num_rows, bool)
        for array in arrays:
            if array.null_count:
                whole &= np.asarray(array.is_valid())
        found = np.zeros(batch.num_rows, bool)
        if whole.any():
            found[whole] = self._repeated(_keys(arrays if whole.all() else [array.filter(pa.array(whole)) for array in arrays]))
        return found

    def close(self) -> None:
        """Forget all."""
        self._runs.clear()
        if self._files is not None:
            self._files.cleanup()

    def _repeated(self, keys: NDArray[Any]) -> NDArray[np.bool_]:
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.concatenate([[True], keys[1:] != keys[:-1]])
        distinct = keys[first]
        known = np.zeros(len(distinct), bool)
        for run in self._runs:
            known |= run[np.minimum(np.searchsorted(run, distinct), len(run) - 1)] == distinct
        self._add(distinct[~known])
        again = ~first
        again[first] = known
        found = np.empty(len(keys), bool)
        found[order] = again
        return found

    def _add(self, keys: NDArray[Any]) -> None:
        """Another run. Those of like size are merged, so that there are few."""
        if not len(keys):
            return
        self._runs.append(keys)
        while len(self._runs) > 1 and not isinstance(self._runs[-2], np.memmap) and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            self._runs[-2:] = [np.sort(np.concatenate(self._runs[-2:]), kind="stable")]
        if len(self._runs[-1]) >= RUN_KEYS:
            self._runs.insert(0, self._filed(self._runs.pop()))

    def _filed(self, run: NDArray[Any]) -> NDArray[Any]:
        if self._files is None:
            self._files = tempfile.TemporaryDirectory(prefix="tidegate-keys-")
        path = Path(self._files.name) / str(len(self._runs))
        run.tofile(path)
        return np.memmap(path, run.dtype, "r")


def _keys(arrays: Sequence[pa.Array]) -> NDArray[Any]:
    """Of each row one value that stands for its key. No array has a NULL."""
    words = [word for array in arrays for word in _words(array)]
    if len(words) == 1:
        return words[0]
    if len(words) > 2:  # noqa: PLR2004  what 16 bytes hold
        words = [_mixed_down(words, lane) for lane in _LANES]
    return np.stack(words, axis=1).view("S16").reshape(-1)


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

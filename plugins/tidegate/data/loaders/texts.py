"""Values as text, a whole column at once."""

from __future__ import annotations

from binascii import hexlify

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from tidegate.data.kinds import canonical

_ZEROS = r"(\.[0-9]*?)0+$"


def canonical_texts(values: pa.Array) -> pa.Array:
    """Decimals as :func:`tidegate.data.kinds.canonical` writes each of them."""
    texts = values.cast(pa.string())
    if values.type.scale > 0:
        small = pc.match_substring(texts, "E").fill_null(False)  # so far below one that Arrow writes them with an exponent
        written = [canonical(value) for value in values.filter(small).to_pylist()]
        texts = pc.utf8_rtrim(pc.replace_substring_regex(texts, _ZEROS, r"\1"), ".")
        texts = pc.replace_with_mask(texts, small, pa.array(written, pa.string()))
    return texts


def clock_texts(values: pa.Array) -> pa.Array:
    """Moments and clocks' readings, the moments in UTC and without saying so: ``2026-01-01 12:00:00.000000``."""
    return values.cast(pa.timestamp("us")).cast(pa.string())


def hex_texts(values: pa.Array) -> pa.Array:
    """Bytes as hexadecimal digits."""
    offsets = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]
    data = values.buffers()[2]
    digits = hexlify(memoryview(data)[offsets[0] : offsets[-1]]) if data is not None else b""
    valid = pa.array(np.asarray(values.is_valid()), pa.bool_()).buffers()[1]
    starts = (offsets - offsets[0]).astype(np.int64) * 2
    return pa.Array.from_buffers(pa.large_string(), len(values), [valid, pa.py_buffer(starts), pa.py_buffer(digits)])


def plain_texts(values: pa.Array) -> pa.Array:
    """Anything else of the nine types: booleans are ``true`` and ``false``, moments end in ``Z``."""
    return values if pat.is_string(values.type) else values.cast(pa.string())


def enclosed(before: str, values: pa.Array, after: str) -> pa.Array:
    """Each text with what stands before and behind it; NULL stays NULL."""
    kind = values.type
    return pc.binary_join_element_wise(pa.scalar(before, kind), values, pa.scalar(after, kind), pa.scalar("", kind))

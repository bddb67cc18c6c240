"""Several of what a dimension names."""

import pytest

from tidegate.resilience.words import plural


@pytest.mark.parametrize(("one", "several"), [("region", "regions"), ("country", "countries"), ("day", "days"), ("y", "ys")])
def test_several(one: str, several: str) -> None:
    """As English has it, nearly."""
    assert plural(one) == several

"""What sensors ask."""


def is_well(response):
    """Whether the answer is good."""


def yesterday(logical_date):
    """The day before."""

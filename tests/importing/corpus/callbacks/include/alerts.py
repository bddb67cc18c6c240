"""What is called when something happened."""


def note(context, *, loud=False):
    """Write it down."""


def page(context):
    """Wake somebody."""


def shift(day, by):
    """Another day."""


def company():
    """Who we are."""

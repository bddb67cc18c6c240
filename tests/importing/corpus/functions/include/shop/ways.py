"""Ways through a pipeline."""


def which(threshold):
    """The step that comes next."""


def there():
    """Whether the prices are there."""

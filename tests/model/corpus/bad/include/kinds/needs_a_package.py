"""A kind whose module wants what is not installed."""

import no_such_package

KIND = no_such_package.KIND

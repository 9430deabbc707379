"""The channels in which two runs are compared."""

CHANNELS = (
    "forward",
    "gradients",
    "results",
    "order",
    "exception",
    "state",
    "rng",
    "files",
    "console",
    "output",
    "settings",
)
"""What is compared, in the order in which the end of a run is reported."""

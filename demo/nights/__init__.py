"""Bad nights on a real scheduler, each with what must be true of it: ``python -m demo.nights``."""

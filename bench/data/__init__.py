"""What moving rows costs, beside what else one would take: ``python -m bench.data [--rows 1000000] [--samples 5] [--only sqlite] [--json FILE]``."""

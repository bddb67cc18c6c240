"""Where the plans of these tests stand."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `--import-mode=importlib` leaves it out; planned.py stands here

"""Where the helper of these tests stands."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `--import-mode=importlib` leaves it out; likeness.py stands here

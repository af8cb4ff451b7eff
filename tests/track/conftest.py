"""Makes `moving_discs` importable for the tests of this folder: tests are no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

if "moving_discs" not in sys.modules:
    _spec = importlib.util.spec_from_file_location("moving_discs", Path(__file__).with_name("moving_discs.py"))
    sys.modules["moving_discs"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["moving_discs"])

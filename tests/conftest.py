"""Fixtures for all tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from granum import steps

# no deadline: the first example pays for the compilation of kernels; the same examples in every run
settings.register_profile("granum", deadline=None, derandomize=True)
settings.load_profile("granum")


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Put the steps of `stand_in_steps.py` beside the real ones."""
    spec = importlib.util.spec_from_file_location("stand_in_steps", Path(__file__).with_name("stand_in_steps.py"))
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "stand_in_steps", module)
    spec.loader.exec_module(module)
    for name, target in module.STAND_INS.items():
        monkeypatch.setitem(steps.STEPS, name, target)
    steps.load_step.cache_clear()
    steps._settings_model.cache_clear()
    yield module
    steps.load_step.cache_clear()
    steps._settings_model.cache_clear()

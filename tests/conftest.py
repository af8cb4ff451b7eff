"""Fixtures for all tests."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numba
import pytest
from hypothesis import settings

from granum import steps

# no deadline: the first example pays for the compilation of kernels; the same examples in every run
settings.register_profile("granum", deadline=None, derandomize=True)
settings.load_profile("granum")

# small images gain nothing from threads, and lose much where several test runs share the cores
numba.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what granum writes outside of projects out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("LOCALAPPDATA", str(tmp_path_factory.mktemp("state")))
        yield


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


def _load_file(name: str, *place: str) -> ModuleType:
    """Load a file below this folder once, by its path: tests are no package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.joinpath(*place))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def _load_catalogue() -> ModuleType:
    return _load_file("hard_cases_catalogue", "hard_cases", "catalogue.py")


_load_file("page_waits", "app", "page_waits.py")
_load_file("finished_runs", "batch", "finished_runs.py")
_load_file("assay_fixtures", "report", "assay_fixtures.py")
_in_browser = _load_file("browser_fixtures", "app", "browser_fixtures.py")
serve, chromium, signed_in = _in_browser.serve, _in_browser.chromium, _in_browser.signed_in
_runs = _load_file("run_bench", "app", "run_bench.py")
bench, tools = _runs.bench, _runs.tools
_models = _load_file("learnt_models", "learnt_models.py")
disc_model, disc_pictures, learnt = _models.disc_model, _models.disc_pictures, _models.learnt


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `hard_case` over the catalogue, `hard_discs` over its round particles."""
    for fixture in {"hard_case", "hard_discs"} & set(metafunc.fixturenames):
        cases = _load_catalogue().CASES
        chosen = [name for name in cases if fixture == "hard_case" or cases[name]().discs]
        metafunc.parametrize(fixture, [pytest.param(cases[name], id=name) for name in chosen], indirect=True)


@pytest.fixture
def hard_case(request: pytest.FixtureRequest) -> object:
    """One case of `hard_cases/catalogue.py`: `mask`, `n_components`, `n_particles`, `discs`."""
    return request.param()


@pytest.fixture
def hard_discs(request: pytest.FixtureRequest) -> object:
    """One case of `hard_cases/catalogue.py` with round particles."""
    return request.param()

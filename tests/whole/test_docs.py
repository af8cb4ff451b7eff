"""The documentation tells all there is, and nothing that is not there."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import typer

from granum.cli.main import commands
from granum.recipe import list_recipes, load_recipe, parse_recipe
from granum.steps import STEPS, load_step

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def all_commands(group, before=""):
    """Every command by its words: "run", "learn pixels"."""
    found = {}
    for name, command in group.commands.items():
        inside = all_commands(command, f"{before}{name} ") if hasattr(command, "commands") else {before + name: command}
        found |= inside
    return found


COMMANDS = all_commands(typer.main.get_command(commands))
PAGES = [ROOT / "README.md", *sorted(p for p in DOCS.rglob("*.md") if not {"_made", "_build"} & set(p.parts))]
# packages whose licence the patterns below would refuse, and why they may stay
EXCEPTIONS: dict[str, str] = {}


def page_id(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, language):
    """The code blocks of one language, with the indentation of lists taken away."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.M | re.S)
    return [re.sub(rf"^{pad}", "", text, flags=re.M) for pad, text in found]


def blocks_of_all_pages(language):
    return [
        pytest.param(text, id=f"{page_id(page)}-{n}") for page in PAGES for n, text in enumerate(blocks(page, language))
    ]


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("reference_tables", DOCS / "reference_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(text, heading):
    return next(part for part in text.split("## ") if part.startswith(f"{heading}\n"))


@pytest.mark.parametrize("name", STEPS)
def test_the_reference_tells_every_step_with_its_layers_and_settings(tables, name):
    step = load_step(name)
    told = section(tables.describe_steps(), name)
    assert all(f"`{layer}`" in told for layer in (*step.reads, *step.reads_if_there, *step.writes))
    rows = {row.split(" | ")[0]: row for row in told.splitlines() if row.startswith("| `")}
    assert list(rows) == [f"| `{setting}`" for setting in step.settings]
    for setting in step.settings.values():
        row = rows[f"| `{setting.name}`"]
        assert len(re.findall(r"(?<!\\)\|", row)) == 5, "a cell breaks the table"
        assert all(f"`{choice}`" in row for choice in setting.choices)
        assert setting.range is None or str(setting.range) in row


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_tells_every_command_with_its_options(tables, name):
    told = section(tables.describe_commands(), f"granum {name}")
    for parameter in COMMANDS[name].params:
        row = next(row for row in told.splitlines() if parameter.help.replace("<", "&lt;") in row)
        if parameter.param_type_name == "option":
            assert all(f"`{option}`" in row for option in (*parameter.opts, *parameter.secondary_opts))


@pytest.mark.parametrize("name", list_recipes())
def test_the_reference_tells_every_recipe_as_it_runs(tables, name):
    told = section(tables.describe_recipes(), name)
    (text,) = re.findall(r"```toml\n(.*?)```", told, re.S)
    assert parse_recipe(text) == load_recipe(name)


def test_what_is_generated_is_included(tables, tmp_path):
    tables.write_all(tmp_path)
    for made in tmp_path.iterdir():
        page = DOCS / "reference" / made.name
        assert f"{{include}} ../_made/reference/{made.name}" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", blocks(ROOT / "README.md", "python"))
def test_the_python_of_the_readme_runs(text):
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    if "learn_pixels" in text:
        assert 0.3 < float(re.fullmatch(r".+ mean IoU ([\d.]+)\n", ran.stdout)[1]) < 1
        return
    if "live-dead" in text:
        covered, alive = re.fullmatch(r"(\d+)% covered, (\d+)% alive\n", ran.stdout).groups()
        assert 25 <= int(covered) <= 45  # 30 were drawn
        assert 55 <= int(alive) <= 85  # about 70 were drawn
        return
    number, mean = re.fullmatch(r"(\d+) particles, mean ([\d.]+) nm\n", ran.stdout).groups()
    assert int(number) > 0
    assert float(mean) > 0


def test_the_python_of_the_first_page_runs(capsys):
    (text,) = blocks(DOCS / "start" / "index.md", "python")
    exec(compile(text, "start/index.md", "exec"), {})
    assert re.fullmatch(r"\d+ [\d.]+ nm\n", capsys.readouterr().out)


@pytest.mark.parametrize("text", blocks_of_all_pages("python"))
def test_python_in_the_docs_imports_what_is_there(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("granum"):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, name.name) for name in node.names)


@pytest.mark.parametrize("text", [p for p in blocks_of_all_pages("toml") if "name =" in p.values[0]])
def test_recipes_in_the_docs_are_recipes(text):
    assert parse_recipe(text).steps


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_in_the_docs_exist(page):
    targets = set(re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for line in "".join(blocks(page, "console") + blocks(page, "bash")).splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True) if line.startswith(("$ ", "granum")) else []
        if words[:1] == ["make"]:
            assert {word for word in words[1:] if "=" not in word} <= targets, line
        elif words and words[0].rpartition("/")[2] == "granum":
            command = words[1] if words[1] in COMMANDS else " ".join(words[1:3])
            options = {o for p in COMMANDS[command].params for o in (*p.opts, *p.secondary_opts)}
            assert {word for word in words if word.startswith("-")} <= options, line


def test_the_page_on_architecture_tells_all_layers_in_their_order():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert ["__main__", *re.findall(r"^\| `(\w+)` \|", page, re.M)] == layers


def test_the_readme_names_every_command_that_a_newcomer_needs():
    (console, *_) = blocks(ROOT / "README.md", "console")
    assert re.findall(r"^\$ (make \w+)", console, re.M) == ["make demo", "make test"]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_in_the_docs_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target and "_made/" not in target:
            assert (page.parent / target).exists(), target


@pytest.fixture(scope="module")
def tracked():
    """Every file of the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files belong to granum is not known")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_is_a_dumping_ground(tracked):
    bad = {"util", "utils", "helper", "helpers", "common", "core", "misc", "base"}
    assert not [path for path in tracked if bad & {part.split(".")[0] for part in path.relative_to(ROOT).parts}]


def test_no_file_names_the_machine_it_was_written_on_or_a_registry(tracked):
    places = "|".join(("/" + "work/", "/" + "root/", "/" + "home/", "/" + "Users/", "/" + "opt/py", "C:" + r"\\"))
    registries = r"(?:https?|file)://[^/\s]*(?:" + "|".join(("py" + "pi", "conda", "npm", "artifac" + "tory")) + ")"
    pattern = re.compile(rf"(?<![\w./])(?:{places})|{registries}|--(?:extra-)?index-" + "url")
    for path in tracked:
        if path.suffix not in (".png", ".tif", ".webp"):
            found = pattern.search(path.read_text(encoding="utf-8"))
            assert found is None, f"{path.relative_to(ROOT)}: {found and found[0]}"


def test_no_file_is_large(tracked):
    assert not [path for path in tracked if path.stat().st_size > 150_000]


def licence_texts(package):
    about = metadata.metadata(package)
    classifiers = [c for c in about.get_all("Classifier", []) if c.startswith("License ::")]
    expression = about.get("License-Expression")
    return [expression] if expression else [*classifiers, *(about.get("License") or "").splitlines()[:1]]


def dependencies():
    """granum's installed dependencies, of any depth, without extras."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found, waiting = set(), ["granum"]
    while waiting:
        for text in metadata.requires(waiting.pop()) or []:
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            if name not in found and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
                found.add(name)
                waiting.append(name)
    return sorted(found)


@pytest.mark.parametrize("package", dependencies())
def test_every_dependency_has_a_permissive_licence(package):
    texts = licence_texts(package)
    permissive = re.compile(r"BSD|MIT|Apache|PSF|Python Software Foundation|HPND|ISC|CMU|Zlib|Unlicense|0BSD", re.I)
    refused = re.compile(r"\b[AL]?GPL|GNU|Affero", re.I)
    assert package in EXCEPTIONS or any(permissive.search(text) for text in texts), texts
    assert package in EXCEPTIONS or not any(refused.search(text) for text in texts), texts

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from granum.app.run_plan import RunInput, RunPlan, plan_run
from granum.app.script_export import _here_document, command_words, make_scripts, quote_word, set_options
from granum.cli.run import parse_interval, parse_settings
from granum.recipe import load_recipe, parse_recipe

NASTY = [
    "a b.tif", "it's.tif", 'say "hi".tif', "ü ∂ 漢.tif", "two\nlines.tif", "$(touch owned).tif", "`touch owned`.tif",
    "-o.tif", "--help", "back\\slash.tif", "*.tif", "[1].tif", "~.tif", "a;b&c|d.tif", "!x.tif", "#.tif",
    "\x1b[201~x.tif", "tab\t.tif", "{a,b}.tif", '"""\\.tif', "%s {0}.tif",
]  # fmt: skip
QUICK = "[[step]]\ndo = 'segment.threshold'\n[[step]]\ndo = 'segment.components'\n[[step]]\ndo = 'measure.objects'\n"
PLAN = RunPlan("t", "q", parse_recipe(f"name = 'q'\n{QUICK}").to_toml(), (RunInput("1", "/a/b.tif"),))
# any text that can be the name of a file and stand in a file of UTF-8
names = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=30)


def words_of(command):
    """The words that a shell would make of a command."""
    code = "import sys, json; print(json.dumps(sys.argv[1:]))"
    program = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    text = command.replace("granum", program, 1)
    return json.loads(subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True).stdout)


@pytest.fixture
def run_shell(tmp_path):
    """Run a command as it was copied, in an empty folder; return that folder."""
    place = tmp_path / "shell"
    place.mkdir()
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "granum").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m granum "$@"\n')
    (bin / "granum").chmod(0o755)

    def run(command):
        path = f"{bin}:/usr/bin:/bin"
        done = subprocess.run(["bash", "-c", command], cwd=place, env={"PATH": path}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return place

    return run


@pytest.fixture
def run_python(tmp_path):
    def run(script):
        place = tmp_path / "python"
        place.mkdir()
        (place / "again.py").write_text(script, encoding="utf-8")
        done = subprocess.run([sys.executable, "again.py"], cwd=place, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return place

    return run


@pytest.mark.slow
def test_script_and_command_give_the_bytes_of_the_run(bench, tools, run_shell, run_python):
    bench.project.set_pixel_size("0.5 nm")
    bench.project.set_interval_s(0.25)
    request = bench.ask(
        toml=None, recipe="particles", settings={"segment.automatic.polarity": "bright"}, channels={"image": 0}, jobs=2
    )
    id = bench.run(**request.model_dump())
    scripts = make_scripts(plan_run(request, bench.project, bench.pictures))
    assert "--set segment.automatic.polarity=bright" in scripts.command
    assert scripts.command.count("--set") == 1
    expected = tools.bytes_of(bench.result(id))
    assert scripts.recipe.encode() == expected["recipe.toml"]
    place = run_shell(scripts.command)
    assert tools.bytes_of(place / "granum_result") == expected
    place = run_python(scripts.python)
    assert [path.name for path in place.glob("granum*")] == ["granum_result"]
    assert tools.bytes_of(place / "granum_result") == expected


@pytest.mark.slow
def test_a_recipe_of_ones_own_and_names_that_bite_give_the_same_bytes(bench, tools, run_shell, run_python):
    for path in bench.folder.glob("*.tif"):
        path.unlink()
    for n, name in enumerate(NASTY):
        bench.add(name, 1 + n % 9)
    toml = f"name = 'it''s'\nsummary = 'x'\n{QUICK}".replace("'it''s'", '"it\'s \\\\ \\"\\"\\" $(touch owned)"')
    id = bench.run(toml=toml)
    scripts = make_scripts(plan_run(bench.ask(toml=toml), bench.project, bench.pictures))
    expected = tools.bytes_of(bench.result(id))
    place = run_shell(scripts.command)
    assert sorted(path.name for path in place.iterdir()) == ["granum_recipe.toml", "granum_result"]
    assert tools.bytes_of(place / "granum_result") == expected
    place = run_python(scripts.python)
    assert sorted(path.name for path in place.iterdir()) == ["again.py", "granum_result"]
    assert tools.bytes_of(place / "granum_result") == expected


@pytest.mark.slow
def test_corrections_by_hand_come_along(bench, tools, run_shell, run_python, tmp_path):
    from granum.batch import run_batch

    plan = plan_run(bench.ask(), bench.project, bench.pictures)
    run = json.loads((bench.result(bench.run()) / "run.json").read_text())
    edits = {run["inputs"][0]["files"][0]["sha256"]: {"0": [{"op": "delete", "labels": [1]}]}}
    run_batch(plan.recipe, plan.paths, tmp_path / "expected", edits=edits)
    expected = tools.bytes_of(tmp_path / "expected")
    assert "edits.json" in expected
    scripts = make_scripts(plan, edits)
    assert tools.bytes_of(run_shell(scripts.command) / "granum_result") == expected
    assert tools.bytes_of(run_python(scripts.python) / "granum_result") == expected


@given(names)
@example("'")
@example("\\'\n$(x)")
@example("\x7f0123")
def test_every_word_survives_the_shell(word):
    shown = subprocess.run(["bash", "-c", f"printf %s {quote_word(word)}"], capture_output=True, check=True).stdout
    assert shown.decode() == word
    assert all(sign.isprintable() for sign in quote_word(word))


@given(st.lists(names, min_size=1, max_size=4), names)
def test_every_value_survives_python(paths, title):
    recipe = replace(PLAN.recipe, name=title, summary=title)
    plan = replace(
        PLAN,
        inputs=tuple(RunInput("1", f"/{path}") for path in paths),
        recipe_toml=recipe.to_toml(),
        channels={title: "0"},
        pixel_size=title,
    )
    edits = {title: title}
    tree = ast.parse(make_scripts(plan, edits).python)
    found = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
    }  # fmt: skip
    assert found["INPUTS"] == plan.paths
    assert found["RECIPE"] == plan.recipe_toml
    assert json.loads(found["EDITS"]) == edits
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "run_batch")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    assert ast.literal_eval(given["channels"]) == {title: "0"}
    assert ast.literal_eval(given["pixel_size"]) == title


def test_the_command_is_made_of_the_words_of_run_json():
    plan = replace(
        PLAN, inputs=tuple(RunInput("1", f"/x/{name}") for name in NASTY), pixel_size="0.5 nm", z=0, interval_s=3
    )
    command = make_scripts(plan).command
    assert words_of(command[command.index("granum run") :]) == command_words(plan)[1:]


@given(st.floats(min_value=1e-300, max_value=1e300))
@example(1e-7)
@example(1e22)
@example(0.1)
def test_an_interval_is_read_back_to_the_last_bit(value):
    words = command_words(replace(PLAN, interval_s=value))
    assert parse_interval(words[words.index("--interval") + 1]) == value


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"segment.automatic.polarity": "dark"},
        {"separate.object_levels.max_shift_px": 2.5},
        {"measure.objects.min_area_px": 0},
    ],
)
def test_only_what_differs_from_the_ready_recipe_is_set(settings):
    ready = load_recipe("particles")
    known = {f"{step.do}.{name}": value for step in ready.steps for name, value in step.settings.items()}
    settings = {name: value for name, value in settings.items() if name in known}
    recipe = ready.with_settings(settings)
    name, options = set_options(recipe)
    assert name == "particles"
    assert len(options) == sum(
        recipe.with_settings({key: known[key]}).to_toml() != recipe.to_toml() for key in settings
    )
    assert ready.with_settings(parse_settings(options)).to_toml() == recipe.to_toml()


def test_every_setting_of_every_ready_recipe_can_be_said_on_the_command_line_or_goes_into_a_file():
    from granum.recipe import list_recipes
    from granum.steps import load_step

    for name in list_recipes():
        ready = load_recipe(name)
        for step in ready.steps:
            for setting in load_step(step.do).settings.values():
                other = next((choice for choice in setting.choices if choice != step.settings[setting.name]), None)
                if other is None and setting.range is not None and setting.range.low is not None:
                    other = setting.range.low
                if other is None or [one.do for one in ready.steps].count(step.do) > 1:
                    continue
                recipe = ready.with_settings({f"{step.do}.{setting.name}": other})
                found = set_options(recipe)
                assert found is not None, setting.name
                assert ready.with_settings(parse_settings(found[1])).to_toml() == recipe.to_toml()


def test_a_recipe_that_only_bears_a_ready_name_goes_into_a_file():
    plan = replace(PLAN, recipe_toml=parse_recipe(f"name = 'particles'\n{QUICK}").to_toml())
    assert set_options(plan.recipe) is None
    command = make_scripts(plan).command
    assert command.startswith("cat > granum_recipe.toml <<'END'\nname = ")
    assert "granum run granum_recipe.toml" in command


def test_the_end_of_a_file_in_a_command_is_no_line_of_the_file(tmp_path):
    text = "x\nEND\n$(y) `z` \\\nEND_\n"
    command = _here_document("a b.toml", text)
    assert "<<'END__'" in command
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "a b.toml").read_text() == text


def test_a_channel_that_the_command_line_cannot_name_is_told():
    command = make_scripts(replace(PLAN, channels={"a=b\n": "0"})).command
    assert command.startswith("# granum run cannot name")
    assert command.count("\n") == 1
    assert Path(PLAN.paths[0]).is_absolute()


def test_what_an_assay_needs_is_in_script_and_command(tmp_path):
    text = 'well,condition\nB03,it\'s \\ "x"\n'
    plan = replace(PLAN, names="{well}_f{field} *", plate_map=text, video=True)
    scripts = make_scripts(plan)
    words = words_of("granum " + scripts.command.partition("granum run")[2].strip())
    at = words.index("--names")
    assert words[at : at + 5] == ["--names", "{well}_f{field} *", "--plate-map", "granum_plate_map.csv", "--video"]
    document = scripts.command.partition("cat > granum_plate_map.csv <<'END'\n")[2].partition("END\n")[0]
    assert document == text
    found = {}
    code = scripts.python.partition("if __name__")[0]
    exec(code, found)
    assert found["PLATE_MAP"] == text
    assert (
        'names="{well}_f{field} *",\n        plate_map="granum_plate_map.csv",\n        video=True,' in scripts.python
    )

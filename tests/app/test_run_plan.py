from __future__ import annotations

import json

import pytest

from granum.app.problems import Problem
from granum.app.run_plan import RunInput, RunPlan, n_cores, plan_run
from granum.errors import OutputError, SettingError

PLAN = RunPlan(
    "a title", "quick", "name = 'quick'", (RunInput("1a", "/a/ü \n'.tif"),), {"image": "1"}, 3, "0.5 nm", 1e-7, 2
)


def test_a_plan_survives_its_file():
    assert RunPlan.from_json(json.loads(json.dumps(PLAN.to_json()))) == PLAN


def test_a_file_of_a_newer_granum_or_a_damaged_one_is_told_from_a_plan():
    content = PLAN.to_json()
    with pytest.raises(OutputError, match="version 2"):
        RunPlan.from_json({**content, "schema": 2})
    for name in content.keys() - {"schema"}:
        with pytest.raises(OutputError, match="damaged"):
            RunPlan.from_json({key: value for key, value in content.items() if key != name})
        with pytest.raises(OutputError, match="damaged"):
            RunPlan.from_json({**content, name: [7]})


def test_everything_that_was_left_open_is_decided(bench):
    bench.project.set_pixel_size("2 nm")
    bench.project.set_interval_s(5)
    plan = plan_run(bench.ask(jobs=None, channels={"image": 0}, z=1), bench.project, bench.pictures)
    assert plan.paths == [str(bench.folder / f"field_{n}.tif") for n in (3, 5, 7)]
    assert (plan.title, plan.recipe_name) == ("quick", "quick")
    assert (plan.pixel_size, plan.interval_s, plan.channels, plan.z) == ("2 nm", 5.0, {"image": "0"}, 1)
    assert plan.processes == min(3, n_cores())
    assert "tie" not in plan.recipe_toml
    assert plan.recipe.to_toml() == plan.recipe_toml


def test_settings_are_in_the_recipe_of_the_plan(bench):
    request = bench.ask(toml=None, recipe="particles", settings={"segment.automatic.polarity": "dark"})
    assert 'polarity = "dark"' in plan_run(request, bench.project, bench.pictures).recipe_toml


def test_there_are_no_more_processes_than_planes(bench):
    assert plan_run(bench.ask(jobs=64), bench.project, bench.pictures).processes == 3


def test_images_that_are_not_ready_are_left_out_unless_they_are_named(bench):
    broken = bench.pictures.id("field_5.tif")
    entry = bench.pictures.entry
    bench.pictures.entry = lambda id: entry(id).model_copy(update={"status": "failed" if id == broken else "ready"})
    assert len(plan_run(bench.ask(), bench.project, bench.pictures).inputs) == 2
    assert len(plan_run(bench.ask(images=[broken]), bench.project, bench.pictures).inputs) == 1


def test_a_name_that_is_no_text_is_refused_before_it_can_break_a_file(bench):
    path = bench.pictures.path
    bench.pictures.path = lambda id: path(id).with_name("\udcff.tif")
    with pytest.raises(SettingError, match="rename"):
        plan_run(bench.ask(), bench.project, bench.pictures)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": ["zz"]}, "zz"),
        ({"images": []}, "none is ready"),
        ({"recipe": "/etc/passwd", "toml": None}, "recipe"),
    ],
)
def test_what_does_not_exist_is_a_problem(bench, changes, words):
    with pytest.raises(Problem, match=words):
        plan_run(bench.ask(**changes), bench.project, bench.pictures)

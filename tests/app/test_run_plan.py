from __future__ import annotations

import json

import pytest

from granum.app.problems import Problem
from granum.app.run_plan import RunInput, RunPlan, assay_options, n_cores, plan_run
from granum.app.script_export import command_words
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


ASSAY = "assay = 'confluency'\n[[step]]\ndo = 'segment.threshold'\n"


def test_what_an_assay_needs_is_in_the_plan_and_survives_its_file(bench, tmp_path):
    request = bench.ask(toml=ASSAY, names="field_{field}", plate_map="well,condition\r\nB03,x", video=True)
    plan = plan_run(request, bench.project, bench.pictures)
    assert (plan.names, plan.plate_map, plan.video) == ("field_{field}", "well,condition\nB03,x\n", True)
    assert RunPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    options = assay_options(plan, tmp_path / "map.csv")
    assert options == {"names": "field_{field}", "video": True, "plate_map": tmp_path / "map.csv"}
    assert (tmp_path / "map.csv").read_text() == plan.plate_map
    assert assay_options(PLAN, tmp_path / "none.csv") == {}
    for wrong in ({"names": 7}, {"video": "yes"}, {"other": 1}, [1]):
        with pytest.raises(OutputError, match="damaged"):
            RunPlan.from_json({**plan.to_json(), "assay": wrong})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": "{well}_t{time}"}, "fits none of the 3 files"),
        ({"plate_map": "well,condition\nB99,x\n"}, "^plate map: line 2: 'B99' is no well"),
        ({"plate_map": ""}, "^plate map: is empty"),
        ({"video": True, "toml": ASSAY.partition("\n")[2]}, "makes no assay"),
    ],
)
def test_what_does_not_fit_an_assay_is_told_at_once(bench, changes, message):
    with pytest.raises(SettingError, match=message):
        plan_run(bench.ask(**{"toml": ASSAY, **changes}), bench.project, bench.pictures)


STAINS = """
[channels.live]
names = ["hoechst"]
[channels.dead]
names = ["draq7"]
[channels.brightfield]
optional = true
[[step]]
do = "segment.threshold"
from = { image = "channel.live" }
"""


@pytest.fixture
def stains(bench):
    for path in bench.folder.glob("*.tif"):
        path.unlink()
    for n, name in enumerate(("1_h.tif", "1_d.tif", "2_h.tif", "2_d.tif", "x.tif")):
        bench.add(name, n)
    return bench


def test_channels_in_files_of_their_own_are_in_the_plan_and_survive_its_file(stains):
    request = stains.ask(
        toml=STAINS, patterns={"draq7": "*_d.tif", "hoechst": "*_h.tif"}, channels={"brightfield": None}
    )
    plan = plan_run(request, stains.project, stains.pictures)
    assert list(plan.patterns.items()) == [("hoechst", "*_h.tif"), ("draq7", "*_d.tif")]
    assert plan.channels == {"brightfield": "none"}
    assert RunPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    with pytest.raises(OutputError, match="damaged"):
        RunPlan.from_json({**plan.to_json(), "patterns": {"hoechst": 7}})
    words = command_words(plan)
    given = [words[n + 1] for n, word in enumerate(words) if word == "--channel"]
    assert given == ["brightfield=none", "hoechst=*_h.tif", "draq7=*_d.tif"]


def test_one_image_stands_for_the_files_of_its_field(stains):
    patterns = {"hoechst": "*_h.tif", "draq7": "*_d.tif"}
    one = stains.ask(toml=STAINS, patterns=patterns, images=[stains.pictures.id("2_d.tif")])
    plan = plan_run(one, stains.project, stains.pictures)
    assert [path.rpartition("/")[2] for path in plan.paths] == ["2_d.tif", "2_h.tif"]
    (stains.folder / "1_d.tif").unlink()
    everything = {"toml": STAINS, "patterns": patterns}
    with pytest.raises(SettingError, match=r"no file goes with 1_h\.tif"):
        plan_run(stains.ask(**everything), stains.project, stains.pictures)
    plan = plan_run(stains.ask(**everything, complete_only=True), stains.project, stains.pictures)
    assert [path.rpartition("/")[2] for path in plan.paths] == ["2_d.tif", "2_h.tif"]


def test_a_needed_role_cannot_be_left_out(stains):
    with pytest.raises(SettingError, match="does not work without it"):
        plan_run(stains.ask(toml=STAINS, channels={"live": None}), stains.project, stains.pictures)

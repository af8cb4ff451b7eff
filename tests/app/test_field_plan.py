from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest
import tifffile

from granum.app.field_plan import plan_fields
from granum.app.messages import ChannelInfo, ImageEntry
from granum.app.plan_messages import PlanRequest
from granum.read import read_image
from granum.recipe import load_recipe

RECIPE = load_recipe("live-dead")


class Folder:
    """The images of a folder, those with the same bytes under one id."""

    def __init__(self, folder):
        self.folder = folder

    def files(self):
        return [(self.entry(path), path) for path in sorted(self.folder.glob("*.tif"))]

    def image(self, id):
        return next(read_image(path) for entry, path in self.files() if entry.id == id)

    def entry(self, path):
        image, id = read_image(path), hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        channels = [ChannelInfo(index=n, name="") for n in range(image.shape[1])]
        return ImageEntry(id=id, name=path.name, size_bytes=1, uploaded=False, status="ready", channels=channels)


class Plate:
    """A folder of small images, and what a run of them would be."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, name, **options):
        shape = options.pop("shape", (8, 8))
        pixels = np.random.default_rng(list(name.encode())).integers(0, 200, shape).astype(np.uint8)
        tifffile.imwrite(self.folder / name, pixels, photometric="minisblack", **options)

    def plan(self, recipe=RECIPE, image="", interval_s=None, **about):
        pictures = Folder(self.folder)
        id = next((entry.id for entry, path in pictures.files() if path.name == image), None)
        request = PlanRequest(recipe=recipe.name, image=id, **{"guess": True, **about})
        return plan_fields(request, recipe, pictures, interval_s)


@pytest.fixture
def plate(tmp_path):
    folder = tmp_path / "plate"
    folder.mkdir()
    return Plate(folder)


@pytest.fixture
def files(plate):
    for well in ("B02", "C02"):
        for time in ("000", "001"):
            for stain in ("hoechst", "draq7"):
                plate.add(f"{well}_f1_t{time}_{stain}.tif")
    return plate


def test_files_become_fields_before_anything_runs(files):
    files.add("overview.tif")
    plan = files.plan(image="C02_f1_t001_draq7.tif")
    assert plan.patterns == {"hoechst": "*_hoechst.tif", "draq7": "*_draq7.tif"}
    assert (plan.guessed, plan.by_order, plan.channel_problem, plan.files_problem) == (True, [], "", "")
    assert (plan.n_files, plan.n_fields, plan.n_lacking, plan.left_over) == (9, 4, 0, ["overview.tif"])
    assert [(one.role, one.file) for one in plan.channels] == [
        ("live", "C02_f1_t001_hoechst.tif"), ("dead", "C02_f1_t001_draq7.tif"),
    ]  # fmt: skip
    assert [(one.file, one.well, one.field, one.time) for one in plan.names][:2] == [
        ("B02_f1_t000_hoechst.tif", "B02", "1", "frame 0"), ("B02_f1_t001_hoechst.tif", "B02", "1", "frame 1"),
    ]  # fmt: skip


def test_every_field_with_a_gap_is_named_and_can_be_left_out(files):
    for name in ("B02_f1_t001_draq7.tif", "C02_f1_t000_hoechst.tif"):
        (files.folder / name).unlink()
    plan = files.plan(image="B02_f1_t001_hoechst.tif")
    assert (plan.n_fields, plan.n_lacking) == (2, 2)
    assert [(list(one.files.values()), one.lacks) for one in plan.lacking] == [
        (["B02_f1_t001_hoechst.tif"], ["draq7"]), (["C02_f1_t000_draq7.tif"], ["hoechst"]),
    ]  # fmt: skip
    assert "no file goes with" in plan.files_problem
    assert "no file goes with B02_f1_t001_hoechst.tif" in plan.channel_problem
    assert files.plan(complete_only=True).files_problem == ""


def test_two_empty_files_are_two_channels_though_their_bytes_are_the_same(files):
    shutil.copy(files.folder / "B02_f1_t000_draq7.tif", files.folder / "C02_f1_t000_draq7.tif")
    plan = files.plan(image="C02_f1_t000_hoechst.tif")
    assert (plan.n_fields, plan.n_lacking, plan.channel_problem) == (4, 0, "")
    assert plan.channels[1].file == "C02_f1_t000_draq7.tif"


def test_patterns_that_are_typed_count_and_a_bad_one_is_told_in_its_place(files):
    assert files.plan(patterns={"live": "B*_hoechst.tif", "draq7": "B*_draq7.tif"}).n_fields == 2
    plan = files.plan(patterns={"live": "*_hoechst.tif", "dead": "*.tif"})
    assert plan.n_fields == 0 or plan.files_problem
    assert files.plan(patterns={"live": "*_hoechst.tif"}).files_problem.startswith("dead: say in which files it is")


def stack(plate, name, channels):
    plate.add(name, shape=(len(channels), 8, 8), ome=True, metadata={"axes": "CYX", "Channel": {"Name": channels}})


def test_channels_inside_a_file_are_found_by_the_rule_of_a_run(plate):
    stack(plate, "a.ome.tif", ["Draq7 (Cy5)", "BF", "Hoechst 33342"])
    plan = plate.plan(image="a.ome.tif")
    assert plan.patterns == {}
    assert {one.role: (one.index, one.by_name) for one in plan.channels} == {
        "brightfield": (1, True), "live": (2, True), "dead": (0, True),
    }  # fmt: skip
    chosen = plate.plan(image="a.ome.tif", channels={"brightfield": None, "live": 2})
    assert {one.role: (one.index, one.by_name) for one in chosen.channels} == {"live": (2, False), "dead": (0, True)}


def test_a_needed_channel_that_is_nowhere_is_told_with_what_could_be_found(plate):
    stack(plate, "a.ome.tif", ["DAPI", "GFP"])
    plan = plate.plan(image="a.ome.tif")
    assert [one.role for one in plan.channels] == ["live"]
    assert plan.channel_problem == (
        "a.ome.tif has 2 channels (DAPI, GFP), none that is called like dead: choose it, or say in which files each is."
    )
    assert plate.plan(image="a.ome.tif", channels={"dead": 1}).channel_problem == ""


def test_names_and_the_plate_map_are_read_as_a_run_reads_them(files):
    text = "well,condition,dose (uM),control\nB02,drug,2,positive\nC02,none,0,negative\nD02,drug,1,\n"
    plan = files.plan(plate_map=text)
    assert plan.plate_map.dose_unit == "uM"
    first = plan.plate_map.wells[0]
    assert (first.well, first.condition, first.dose, first.control) == ("B02", "drug", 2.0, "positive")
    assert plan.plate_map.notes == ["Wells of the plate map without an image: D02 (1 in all)."]
    assert files.plan(plate_map="well,condition\nZ99,x\n").plate_map_problem.startswith("plate map: line 2")
    assert files.plan(names="{plate}_{well}-{time}").names_problem.startswith(
        "names '{plate}_{well}-{time}': fits none"
    )
    named = files.plan(names="{well}_f{field}_t{time}_*")
    assert (named.names[3].well, named.names[3].time, named.names_problem) == ("C02", "frame 1", "")
    assert "no interval between frames was given" in named.names_notes[0]
    assert files.plan(interval_s=1800).names[3].time == "0.5 h"


def test_a_recipe_without_an_assay_has_no_plate(plate):
    plate.add("one.tif")
    plan = plate.plan(recipe=load_recipe("particles"), image="one.tif")
    assert (plan.names, plan.plate_map, plan.channels, plan.n_fields) == ([], None, [], 1)

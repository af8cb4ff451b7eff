"""The rules of the house that a machine can check."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import granum
from granum.cli.main import commands
from granum.object_table import COLUMNS, FLAGS
from granum.recipe import list_recipes, load_recipe
from granum.steps import STEPS, check_settings, load_step

SOURCE = Path(granum.__file__).parent
ROOT = SOURCE.parents[1]
TESTS = Path(__file__).parents[1]
MODULES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))
STAGES = ("preprocess", "segment", "separate", "measure", "track", "plate", "score", "samples", "report")
# what a stage function may take by position
DATA = {
    "image", "mask", "labels", "peaks", "area", "objects", "confidence", "relief", "weights", "truth", "prediction",
    "channels", "distance", "markers", "pixel_size_nm", "channel_names", "live", "dead", "brightfield", "stains",
    "cells", "cell_mask", "dead_mask", "channel_facts", "votes", "nuclei",
}  # fmt: skip
# module -> the test file of the public function that it serves
TESTED_WITH = {
    "app/paint_messages": "messages",
    "app/recipe_messages": "messages",
    "app/run_messages": "messages",
    "app/plan_messages": "messages",
    "app/full_size": "preview_worker",
    "segment/cluster_count": "pixel_clusters",
    "segment/cluster_features": "pixel_clusters",
    "app/assay_messages": "assay_body",
    "app/builder_process": "tile_builder",
    "app/corrected_runs": "results",
    "app/folder_scan": "pictures",
    "app/image_facts": "pictures",
    "app/label_planes": "results",
    "app/learn_jobs": "learn_process",
    "app/learn_messages": "messages",
    "app/learn_planes": "learn_predictions",
    "app/learning": "learn_routes",
    "app/open_run": "results",
    "app/paint_book": "paint_store",
    "app/picture_list": "pictures",
    "app/picture_reader": "pictures",
    "app/result_folder": "results",
    "app/result_frame": "results",
    "app/search_process": "searches",
    "app/sign_in": "guard",
    "app/thumbnails": "tile_builder",
    "learn/held_out": "score_estimate",
    "learn/score_interval": "validation",
    "learn/score_report": "validation",
    "learn/score_warnings": "validation",
    "learn/feature_kernels": "pixel_features",
    "learn/feature_pyramid": "pixel_features",
    "learn/feature_scales": "pixel_features",
    "learn/feature_input": "pixel_features",
    "learn/feature_samples": "pixel_features",
    "learn/scale_kernels": "pixel_features",
    "learn/feature_tile": "pixel_features",
    "learn/training_masks": "training_set",
    "learn/block_kernels": "classifiers",
    "learn/fitted_classifier": "classifiers",
    "learn/standardise": "classifiers",
    "learn/neural_training": "neural",
    "learn/tree_kernels": "tree_tables",
    "learn/tree_classifier": "tree_tables",
    "learn/tiled_prediction": "pixel_model",
    "measure/dead_evidence": "viability",
    "measure/rings": "viability",
    "plate/condition_names": "build",
    "plate/layout_blocks": "plate_map",
    "plate/least_squares": "growth",
    "plate/map_columns": "plate_map",
    "plate/name_pattern": "well_names",
    "plate/name_times": "well_names",
    "plate/table_text": "plate_map",
    "plate/vendor_names": "well_names",
    "preprocess/channel_shift": "channel_check",
    "preprocess/info_bar": "crop",
    "preprocess/median": "denoise",
    "preprocess/non_local_means": "denoise",
    "preprocess/scale_bar": "crop",
    "read/bounds": "fuzz",
    "read/colour": "plain",
    "read/fei_ser": "small_formats",
    "read/formats": "image_files",
    "read/mrc": "small_formats",
    "read/pixel_size": "tiff",
    "read/tiff_directories": "tiff",
    "read/tiff_metadata": "tiff",
    "read/vendor": "small_formats",
    "read/zarr_store": "small_formats",
    "report/assay_curves": "assay_section",
    "report/assay_methods": "assay_numbers",
    "report/assay_tables": "assay_section",
    "report/assay_text": "assay_section",
    "report/chart_axes": "charts",
    "report/condition_dots": "assay_section",
    "report/dose_chart": "assay_section",
    "report/export_formats": "exports",
    "report/provenance_section": "page",
    "report/review_strip": "assay_section",
    "report/section": "page",
    "report/series_lines": "assay_section",
    "report/size_section": "page",
    "report/survival_chart": "assay_section",
    "report/video_panels": "video",
    "samples/brightfield": "live_dead",
    "samples/camera": "live_dead",
    "samples/cell_cast": "live_dead",
    "samples/cell_lineage": "live_dead_series",
    "samples/cell_motion": "live_dead_series",
    "samples/cell_shapes": "live_dead",
    "samples/cell_tracks": "live_dead_series",
    "samples/drawing": "particles",
    "samples/field_debris": "live_dead",
    "samples/info_bar": "particles",
    "samples/live_dead_picture": "live_dead",
    "samples/live_dead_scene": "live_dead",
    "samples/painting": "particles",
    "samples/phase_contrast": "confluent",
    "samples/setting_checks": "live_dead",
    "samples/spread_cells": "confluent",
    "samples/stains": "live_dead",
    "segment/area_outline": "cell_area",
    "segment/max_tree": "component_tree",
    "segment/texture_cleanup": "texture",
    "segment/texture_maps": "texture",
    "segment/texture_scale": "texture",
    "segment/stain_objects": "nuclei",
    "separate/basins": "hierarchy",
    "separate/edit_checks": "edits",
    "separate/hulls": "convex_merge",
    "separate/label_boxes": "label_editor",
    "separate/part_graph": "convex_merge",
    "separate/power_cells": "local_kmeans",
}
LARGEST_FILE = 400
HEAVY = {
    "cv2", "numba", "skimage", "sklearn", "pandas", "pydantic", "tifffile", "imagecodecs", "zarr", "h5py", "typer",
    "rich", "torch", "scipy", "numpy",
}  # fmt: skip


def dotted(path):
    return ".".join(("granum", *path.with_suffix("").parts))


def test_imports_flow_one_way(monkeypatch):
    importlinter = pytest.importorskip("importlinter.cli")
    monkeypatch.chdir(ROOT)
    assert importlinter.lint_imports(no_cache=True) == 0


@pytest.mark.parametrize("module", [path for path in MODULES if path.stem not in ("__init__", "__main__")], ids=str)
def test_every_module_has_its_test_file(module):
    tests = TESTED_WITH.get(module.with_suffix("").as_posix(), module.stem)
    assert (TESTS / module.parent / f"test_{tests}.py").is_file()


def test_no_module_is_listed_as_tested_elsewhere_without_need():
    for module in TESTED_WITH:
        assert (SOURCE / f"{module}.py").is_file(), module
        folder, _, name = module.rpartition("/")
        assert not (TESTS / folder / f"test_{name}.py").is_file(), module


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_files_are_short_and_say_what_they_are(module):
    text = (SOURCE / module).read_text(encoding="utf-8")
    assert text.count("\n") <= LARGEST_FILE
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_names_say_what_is_inside(module):
    assert not {"util", "utils", "helper", "helpers", "common", "core", "misc", "base"} & set(
        module.with_suffix("").parts
    )


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_input_is_never_checked_by_assert_and_no_error_is_swallowed(module):
    for node in ast.walk(ast.parse((SOURCE / module).read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.Assert)
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}: bare except"
            swallowed = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
            broad = isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            assert not (swallowed and broad), f"line {node.lineno}"


def test_the_package_imports_nothing_heavy():
    code = f"import sys, granum; print(*sorted({HEAVY} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "\n"


@pytest.mark.parametrize("stage", sorted(path.parent.name for path in SOURCE.glob("*/__init__.pyi")))
def test_every_public_name_is_there_and_described(stage):
    module = importlib.import_module(f"granum.{stage}")
    for name in module.__all__:
        found = getattr(module, name)
        if inspect.isclass(found) or inspect.isfunction(found):
            assert inspect.getdoc(found), name


def public_functions():
    for stage in STAGES:
        module = importlib.import_module(f"granum.{stage}")
        for name in module.__all__:
            if inspect.isfunction(found := getattr(module, name)):
                yield pytest.param(found, id=f"{stage}.{name}")


@pytest.mark.parametrize("function", list(public_functions()))
def test_data_is_positional_and_settings_are_keywords(function):
    for parameter in inspect.signature(function).parameters.values():
        assert parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        assert parameter.annotation is not parameter.empty, parameter.name
        if parameter.kind is not parameter.KEYWORD_ONLY and parameter.default is not parameter.empty:
            assert parameter.default is None or parameter.default == (), (
                f"{parameter.name} is a setting: put it after *"
            )


@pytest.mark.parametrize("name", STEPS)
def test_a_step_follows_the_rules_and_can_be_read_about(name):
    step = load_step(name)
    stage, _, file = name.partition(".")
    assert step.function.__module__ == f"granum.{stage}.{file}"
    assert {*step.reads, *step.reads_if_there} <= DATA
    assert step.summary.endswith(".")
    assert not {"do", "from", "into"} & set(step.settings)
    for setting in step.settings.values():
        assert setting.default is not inspect.Parameter.empty, setting.name
        assert setting.help, f"{setting.name}: no text in the docstring"
        if setting.annotation in (int, float):
            pytest.fail(f"{setting.name}: a number without a Range")
    assert list(check_settings(name, {})) == list(step.settings)


@pytest.mark.parametrize("name", list_recipes())
def test_ready_recipes_are_complete_and_repeat(name):
    recipe = load_recipe(name)
    assert any(step.do in ("measure.objects", "measure.confluency") for step in recipe.steps)
    assert list_recipes()[name].endswith(".")


def test_columns_and_flags_are_described():
    assert all(column.meaning for column in COLUMNS.values())
    assert all(meaning for _, meaning in FLAGS.values())


@pytest.mark.parametrize("command", commands.registered_commands, ids=lambda command: command.callback.__name__)
def test_every_command_and_option_has_a_help_text(command):
    assert inspect.getdoc(command.callback)
    for parameter in inspect.signature(command.callback, eval_str=True).parameters.values():
        (described,) = parameter.annotation.__metadata__
        assert described.help, parameter.name

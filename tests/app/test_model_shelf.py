from __future__ import annotations

import importlib
import pickle
import zipfile
from pathlib import Path

import pytest

from granum.app import model_shelf
from granum.app.forms import RecipeShelf
from granum.app.model_shelf import ModelShelf, check_models
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.recipe_messages import RecipeRequest
from granum.errors import ModelError
from granum.recipe import load_recipe


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        make_model = importlib.import_module("learn_fixtures").make_model
    report = {"miou": 0.7, "low": 0.6, "high": 0.8}
    path = tmp_path_factory.mktemp("model") / "a.granum"
    make_model(about={"report": report, "n_images": 2, "n_strokes": 5}).save(path)
    return path


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    project = Project(folder)
    yield project
    project.close()


@pytest.fixture
def changes():
    return []


@pytest.fixture
def shelf(project, changes):
    return ModelShelf(project, lambda: changes.append(1))


def test_a_model_that_is_kept_is_the_same_bytes_and_says_what_it_is(shelf, model, project, changes):
    info = shelf.keep("two phases", model)
    assert Path(info.path) == project.place.absolute() / "models" / "two phases.granum"
    assert Path(info.path).read_bytes() == model.read_bytes()
    assert (info.n_channels, info.n_images, info.n_strokes) == (1, 2, 5)
    assert (info.miou, info.low, info.high) == (0.7, 0.6, 0.8)
    assert [(one.id, one.name) for one in info.classes] == [(1, "dark"), (2, "bright")]
    assert info.classes[0].colour == "#e69f00"
    assert info.description
    assert len(info.sha256) == 64
    assert info.problem == ""
    assert shelf.all() == [info]
    assert changes == [1]


def test_a_name_is_never_given_to_other_bytes(shelf, model):
    first = shelf.keep("a", model)
    for way in (lambda: shelf.keep("a", model), lambda: shelf.begin("a"), lambda: shelf.begin("a.granum")):
        with pytest.raises(Problem, match="already") as problem:
            way()
        assert problem.value.status == 409
    assert shelf.all() == [first]
    assert [path.name for path in Path(first.path).parent.iterdir()] == ["a.granum"]


def test_two_uploads_under_one_name_at_once_are_one_model(shelf, model):
    first, second = shelf.begin("a"), shelf.begin("a")
    for upload in (first, second):
        upload.write(model.read_bytes())
    info = first.finish()
    with pytest.raises(Problem, match="already"):
        second.finish()
    second.abort()
    assert shelf.all() == [info]
    assert len(list(Path(info.path).parent.iterdir())) == 1


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "con", "a\nb", " a", "-a", "x" * 65, "a:b"])
def test_a_name_that_could_be_a_path_is_refused(shelf, model, name):
    with pytest.raises(Problem) as problem:
        shelf.keep(name, model)
    assert problem.value.status == 422


def send(shelf, name, *pieces):
    with shelf.begin(name) as upload:
        for piece in pieces:
            upload.write(piece)
        upload.finish()


class Canary:
    """Runs something when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle was opened')",))


def damaged_files(model):
    data = model.read_bytes()
    yield "empty", b""
    yield "cut", data[: len(data) // 2]
    middle = len(data) // 2
    yield "changed", data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    yield "pickle", pickle.dumps(Canary())
    yield "text", b"model = 3"


def test_what_is_no_model_is_refused_in_a_sentence_with_its_name_and_leaves_nothing(shelf, model, project):
    for kind, data in damaged_files(model):
        with pytest.raises(ModelError, match=r"bad\.granum") as error:
            send(shelf, "bad", data)
        assert ".part" not in str(error.value), kind
        assert "\n" not in str(error.value)
        assert list((project.place / "models").iterdir()) == []


def test_a_model_of_a_newer_granum_is_refused_with_the_advice_to_update(shelf, model, tmp_path):
    newer = tmp_path / "newer.granum"
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(newer, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(b'"format_version": 1', b'"format_version": 9'))
    with pytest.raises(ModelError, match="update granum"):
        shelf.keep("newer", newer)


def test_an_upload_is_bounded_and_leaves_nothing(shelf, project, monkeypatch):
    monkeypatch.setattr(model_shelf, "MOST_BYTES", 1000)
    with pytest.raises(Problem) as problem:
        shelf.begin("large", 1001)
    assert problem.value.status == 413
    with pytest.raises(Problem) as problem:
        send(shelf, "large", *[b"x" * 100] * 20)
    assert problem.value.status == 413
    assert list((project.place / "models").iterdir()) == []


def test_a_file_that_was_damaged_on_the_disk_stays_in_the_list_and_says_why(shelf, model):
    info = shelf.keep("a", model)
    Path(info.path).write_bytes(b"nothing")
    (found,) = shelf.all()
    assert "model" in found.problem
    assert (found.name, found.description, found.classes) == ("a", "", [])


def test_links_and_strange_files_are_no_models(shelf, model, project):
    shelf.keep("a", model)
    folder = project.place / "models"
    (folder / "link.granum").symlink_to(model)
    (folder / "folder.granum").mkdir()
    (folder / "notes.txt").write_text("x")
    assert [one.name for one in shelf.all()] == ["a"]
    with pytest.raises(Problem) as problem:
        shelf.path("link")
    assert problem.value.status == 404


def test_a_model_is_removed_and_one_that_is_not_there_is_a_404_with_the_nearest(shelf, model, changes):
    info = shelf.keep("phases", model)
    with pytest.raises(Problem, match="did you mean 'phases'") as problem:
        shelf.remove("phase")
    assert problem.value.status == 404
    shelf.remove("phases")
    assert not Path(info.path).exists()
    assert shelf.all() == []
    assert changes == [1, 1]


def test_in_a_read_only_project_nothing_is_kept_or_removed(shelf, model, project):
    shelf.keep("a", model)
    project.read_only = "The disk is read-only."
    for way in (lambda: shelf.keep("b", model), lambda: shelf.remove("a"), lambda: shelf.begin("c")):
        with pytest.raises(Problem, match="read-only"):
            way()
    assert [one.name for one in shelf.all()] == ["a"]


def recipe_with(path):
    return load_recipe("scribbles").with_settings({"segment.learned.model": str(path)})


def test_a_project_that_was_named_from_its_parent_has_whole_paths(tmp_path, model, monkeypatch):
    (tmp_path / "images").mkdir()
    monkeypatch.chdir(tmp_path)
    project = Project(Path("images"))
    try:
        info = ModelShelf(project).keep("a", model)
        folder = project.path("models")
        monkeypatch.chdir("/")
        assert Path(info.path) == tmp_path / "images" / "granum_project" / "models" / "a.granum"
        check_models(recipe_with(info.path), folder)
        recipe = RecipeShelf(project.path("recipes")).resolve(
            RecipeRequest(recipe="scribbles", settings={"segment.learned.model": info.path})
        )
        assert Path(*recipe.files).is_file()
    finally:
        project.close()


def test_a_request_may_name_models_of_the_project_alone(shelf, model, project):
    info = shelf.keep("a", model)
    folder = project.place / "models"
    check_models(recipe_with(info.path), folder)
    check_models(recipe_with(""), folder)
    check_models(load_recipe("particles"), folder)
    (folder / "link.granum").symlink_to(model)
    (project.place / "project.granum").write_bytes(model.read_bytes())
    for path in (
        model, "/etc/passwd", folder / "b.granum", folder / "link.granum", "a.granum", "models/a.granum",
        folder / ".." / "project.granum", f"{folder}/../models/a.granum", folder, project.place / "project.granum",
    ):  # fmt: skip
        with pytest.raises(Problem, match="no model of this project") as problem:
            check_models(recipe_with(path), folder)
        assert problem.value.status == 422

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package
from result_fixtures import RUN, finish_run, request, rows_of, write_images

from granum.app.label_planes import give_back
from granum.app.pictures import Pictures
from granum.app.problems import Problem
from granum.app.project import Project
from granum.app.results import Results
from granum.app.tiles import cut_decimated
from granum.batch import run_batch
from granum.errors import GranumError
from granum.report.label_images import read_labels, write_labels
from granum.report.tables import read_images_csv
from granum.separate.label_boxes import LabelBoxes, close_gaps


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project with one finished run, to be copied by each test."""
    folder = tmp_path_factory.mktemp("finished") / "images"
    folder.mkdir()
    write_images(folder)
    project = Project(folder)
    with Pictures(project, lambda message: None) as pictures:
        assert pictures.wait()
        finish_run(project, pictures)
    project.close()
    return folder


class Lab:
    """A project that is open, with its results."""

    def __init__(self, folder, **options):
        self.folder, self.messages = folder, []
        self.project = Project(folder)
        self.pictures = Pictures(self.project, lambda message: None, watch_s=0.1)
        self.pictures.start()
        assert self.pictures.wait()
        self.results = Results(self.project, self.pictures, self.messages.append, **options)
        self.result = self.project.path("runs", RUN) / "result"

    def close(self):
        self.pictures.close()
        self.project.close()

    def edit(self, op, stem="field", t=0, author="local", **more):
        return self.results.edit(RUN, stem, t, request(op, **more), author)

    def labels(self, stem="field", t=0):
        """The labels as the tiles show them."""
        height, width = self.results.labels(RUN, stem, t).height, self.results.labels(RUN, stem, t).width
        tile = self.results.tile(RUN, stem, t, 0, 0, 0)
        assert tile.shape == (height + 2, width + 2)
        return tile[1:-1, 1:-1].astype(np.int32)


@pytest.fixture
def open_lab(finished, tmp_path):
    """Open a copy of the finished project; again and again in the same folder."""
    shutil.copytree(finished, tmp_path / "images")
    opened = []

    def again(**options):
        for lab in opened:
            lab.close()
        opened[:] = [Lab(tmp_path / "images", **options)]
        return opened[0]

    yield again
    for lab in opened:
        lab.close()


@pytest.fixture
def lab(open_lab):
    return open_lab()


def csv_rows(out, file, frame=0):
    with (out / "objects.csv").open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["file"] == file and row["frame"] == str(frame)]


def same_table(body, rows, *, numbered=False):
    """The body has the rows of objects.csv, to the last digit; labels only by their order when `numbered`."""
    found = rows_of(body)
    assert len(found) == len(rows)
    for mine, theirs in zip(found.values(), rows, strict=True):
        for name, value in mine.items():
            if name == "label" and numbered:
                continue
            cell = theirs[name]
            if name == "flags":
                assert value == cell
            else:
                assert value == (float(cell) if cell else None), name


def hash_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def biggest(lab, stem="field", t=0):
    labels = lab.labels(stem, t)
    return int(np.bincount(labels.ravel())[1:].argmax()) + 1


def halving(lab, label, stem="field"):
    """A cut through the middle of an object."""
    y, x = np.nonzero(lab.labels(stem) == label)
    return [[float(y.mean()), float(x.min()) - 2], [float(y.mean()), float(x.max()) + 2]]


def test_a_finished_run_is_listed_with_its_images(lab):
    (run,) = lab.results.runs().runs
    rows = read_images_csv(lab.result / "images.csv")
    assert (run.id, run.recipe, run.title, run.edited) == (RUN, "particles", "particles", False)
    assert [image.stem for image in run.images] == ["field", "movie"]
    assert [image.n_objects for image in run.images] == [
        [rows[0]["n_objects"]],
        [rows[1]["n_objects"], rows[2]["n_objects"]],
    ]
    assert run.n_objects == sum(row["n_objects"] for row in rows)
    field = run.images[0]
    assert field.image == hashlib.sha256((lab.folder / "field.tif").read_bytes()).hexdigest()[:16]
    assert (field.pixel_size.y, field.pixel_size.unit) == (0.5, "nm")
    assert {choice.about for choice in field.choices[0]}
    assert run.settings["measure.objects.shape"] == "full"
    assert lab.results.run(RUN) == run


def test_tables_are_those_of_the_run_folder(lab):
    same_table(lab.results.table(RUN, "field", 0), csv_rows(lab.result, "field.tif"))
    for t in (0, 1):
        same_table(lab.results.table(RUN, "movie", t), csv_rows(lab.result, "movie.tif", t))
    body = lab.results.table(RUN, "field", 0)
    assert body.columns[0].name == "label"
    assert {column.name: column.unit for column in body.columns}["area_nm2"] == "nm2"
    row = read_images_csv(lab.result / "images.csv")[0]
    for name in ("n_objects", "ecd_d50_nm", "density_per_um2", "threshold", "pixel_size_nm"):
        assert body.summary[name] == row[name]


def test_tiles_are_the_label_image(lab):
    assert (lab.labels() == read_labels(lab.result / "labels" / "field.tif")).all()
    assert (lab.labels("movie", 1) == read_labels(lab.result / "labels" / "movie.tif")[1]).all()
    layer = lab.results.labels(RUN, "field", 0)
    assert (layer.kind, layer.n_levels, layer.url) == ("labels", 1, f"/api/v1/runs/{RUN}/images/field/labels/tiles/0")


def test_a_correction_changes_tiles_and_table_at_once(lab):
    before, label = lab.labels(), biggest(lab)
    ack = lab.edit("split", labels=[label], points=halving(lab, label))
    assert ack.n_edits == 1
    assert ack.can_undo
    assert not ack.can_redo
    after = lab.labels()
    changed = np.argwhere(before != after)
    assert [*changed.min(axis=0), *(changed.max(axis=0) + 1)] == ack.dirty
    body = lab.results.table(RUN, "field", 0)
    assert body.n_objects == ack.n_objects == before.max() + 1
    assert body.version == ack.version
    rows = rows_of(body)
    for part in (label, *ack.new_labels):
        assert rows[part]["area_px"] == (after == part).sum()
        assert "edited" in rows[part]["flags"]
        assert rows[part]["confidence"] == 1
    assert sum("edited" in row["flags"] for row in rows.values()) == 2
    where = {"run": RUN, "stem": "field", "t": 0}
    assert lab.messages == [{"type": "edits", **where, "author": "local", **ack.model_dump()}]
    (run,) = lab.results.runs().runs
    assert run.edited
    assert run.images[0].n_objects == [ack.n_objects]
    assert run.images[0].n_edits == 1
    assert lab.results.labels(RUN, "field", 0).version == str(ack.version)


@pytest.mark.slow
def test_what_is_taken_away_has_the_bytes_of_granum_run_with_the_corrections(lab, tmp_path):
    untouched = hash_of(lab.result)
    label = biggest(lab)
    lab.edit("split", labels=[label], points=halving(lab, label))
    lab.edit("delete", labels=[1 if label != 1 else 2])
    lab.edit("draw", points=[[2.0, 2.0], [2.0, 30.0]], radius=2.5)
    lab.edit("delete", stem="movie", t=1, labels=[3])
    edits = lab.results.edits_file(RUN)
    corrected = lab.results.corrected(RUN)
    assert lab.results.corrected(RUN) == corrected
    again = tmp_path / "again"
    path = tmp_path / "edits.json"
    path.write_text(json.dumps(edits))
    run_batch("particles", [lab.folder / "field.tif", lab.folder / "movie.tif"], again, edits=path)
    mine, theirs = hash_of(corrected), hash_of(again)
    assert mine.keys() == theirs.keys()
    assert "edits.json" in mine
    for name in mine.keys() - {"run.json", "report.html", "DONE"}:
        assert mine[name] == theirs[name], name
    # and the page has shown just that: same pixels but for gaps, same numbers
    for stem, t in (("field", 0), ("movie", 0), ("movie", 1)):
        shown = lab.labels(stem, t)
        written = read_labels(corrected / "labels" / f"{stem}.tif")
        assert (close_gaps(shown, LabelBoxes(shown).values()) == (written if written.ndim == 2 else written[t])).all()
        body = lab.results.table(RUN, stem, t)
        same_table(body, csv_rows(corrected, f"{stem}.tif", t), numbered=True)
        row = next(
            row
            for row in read_images_csv(corrected / "images.csv")
            if (row["file"], row["frame"]) == (f"{stem}.tif", t)
        )
        for name, value in body.summary.items():
            assert value == row[name], name
    assert hash_of(lab.result) == untouched


def test_without_corrections_the_result_itself_is_taken_away(lab):
    assert lab.results.corrected(RUN) == lab.result
    assert lab.results.edits_file(RUN) is None
    lab.edit("delete", labels=[1])
    lab.results.undo(RUN, "field", 0, "local")
    assert lab.results.corrected(RUN) == lab.result


@pytest.mark.slow
def test_nothing_is_handed_out_that_nobody_has_seen(lab):
    labels = read_labels(lab.result / "labels" / "field.tif")
    labels[labels == 2] = 0  # as if another granum had made the run
    write_labels(lab.result / "labels" / "field.tif", labels)
    lab.edit("delete", labels=[1])
    with pytest.raises(Problem, match="finds other objects than the run did") as caught:
        lab.results.corrected(RUN)
    assert caught.value.status == 409


def test_corrections_outlive_the_server(open_lab):
    lab = open_lab()
    label = biggest(lab)
    lab.edit("split", labels=[label], points=halving(lab, label), author="ada")
    lab.edit("delete", labels=[1 if label != 1 else 2], author="bob")
    lab.edit("delete", labels=[3 if label != 3 else 4], author="ada")
    lab.results.undo(RUN, "field", 0, "ada")
    shown, body = lab.labels(), lab.results.table(RUN, "field", 0)
    again = open_lab()
    assert again.results.run(RUN).images[0].n_edits == 2
    assert (again.labels() == shown).all()
    assert again.results.table(RUN, "field", 0) == body
    state = again.results.edit_state(RUN, "field", 0, "ada")
    assert (state.can_undo, state.can_redo, state.n_edits) == (True, True, 2)
    assert again.results.redo(RUN, "field", 0, "ada").n_edits == 3


def test_labels_of_frames_are_let_go_and_come_back(open_lab):
    lab = open_lab(most_pixels=1)
    lab.edit("delete", labels=[1])
    shown = lab.labels()
    lab.labels("movie", 0)
    assert len(lab.results._frames) == 1
    assert (lab.labels() == shown).all()
    lab.edit("delete", labels=[2])
    assert (lab.labels() == np.where(shown == 2, 0, shown)).all()


def test_without_its_image_a_run_can_be_looked_at_but_not_corrected(open_lab):
    lab = open_lab()
    (lab.folder / "field.tif").unlink()
    lab.pictures.rescan()
    assert lab.results.run(RUN).images[0].image == ""
    assert lab.labels().any()
    assert lab.results.table(RUN, "field", 0).n_objects > 0
    with pytest.raises(Problem, match=r"field\.tif: is not in the project any more.*put the image back") as caught:
        lab.edit("delete", labels=[1])
    assert caught.value.status == 409
    assert not (lab.project.path("runs", RUN) / "edits").exists()


def test_a_renamed_image_is_known_by_its_content(lab):
    (lab.folder / "field.tif").rename(lab.folder / "other name.tif")
    lab.pictures.rescan()
    assert lab.pictures.wait()
    assert lab.edit("delete", labels=[1]).n_edits == 1
    assert lab.results.table(RUN, "field", 0).n_objects > 0


@pytest.mark.parametrize("run", ["..", "../..", "%2e%2e", "C:", "a/b", "a\\b", "", "nul\0", "no-such-run", "x" * 65])
def test_names_that_are_no_run_are_not_found(lab, run):
    with pytest.raises(Problem) as caught:
        lab.results.run(run)
    assert caught.value.status == 404


@pytest.mark.parametrize("stem", ["..", "../field", "field/../field", "/etc/passwd", "", "nul\0", "field.tif"])
def test_stems_that_are_no_image_of_the_run_are_not_found(lab, stem):
    for ask in (lab.results.table, lab.results.labels, lambda *at: lab.results.tile(*at, 0, 0, 0)):
        with pytest.raises(Problem) as caught:
            ask(RUN, stem, 0)
        assert caught.value.status == 404


def test_a_project_from_elsewhere_cannot_name_files_outside(lab):
    run = json.loads((lab.result / "run.json").read_text())
    for entry in (*run["inputs"], *run["images"]):
        entry["stem"] = f"../../../../{entry['stem']}"
    (lab.result / "run.json").write_text(json.dumps(run))
    with pytest.raises(Problem, match="no name of a file"):
        lab.results.run(RUN)
    assert lab.results.runs().runs == []


@pytest.mark.parametrize(("t", "at"), [(1, (0, 0, 0)), (0, (1, 0, 0)), (0, (0, 1, 0)), (0, (0, 0, 7)), (0, (-1, 0, 0))])
def test_tiles_that_are_not_there_are_not_found(lab, t, at):
    with pytest.raises(Problem) as caught:
        lab.results.tile(RUN, "field", t, *at)
    assert caught.value.status == 404


def test_a_run_that_is_not_finished_is_not_listed(lab):
    (lab.result / "DONE").unlink()
    assert lab.results.runs().runs == []
    with pytest.raises(Problem, match="not finished") as caught:
        lab.results.run(RUN)
    assert caught.value.status == 409


def test_a_deleted_run_is_forgotten(lab):
    lab.edit("delete", labels=[1])
    shutil.rmtree(lab.project.path("runs", RUN))
    lab.results.forget(RUN)
    assert lab.results.runs().runs == []
    with pytest.raises(Problem) as caught:
        lab.results.table(RUN, "field", 0)
    assert caught.value.status == 404


def test_a_read_only_project_can_be_looked_at_only(lab):
    lab.project.read_only = "The disk is read-only."
    assert lab.labels().any()
    with pytest.raises(Problem, match="read-only"):
        lab.edit("delete", labels=[1])


def plant(lab, labels):
    """Put other labels into the run, as large runs have them; the table goes along."""
    write_labels(lab.result / "labels" / "field.tif", labels)
    values = LabelBoxes(labels).values()
    run = json.loads((lab.result / "run.json").read_text())
    run["inputs"][0]["shape_tczyx"][-2:] = labels.shape
    (lab.result / "run.json").write_text(json.dumps(run))
    lines = ["file,frame,label,area_px", *(f"field.tif,0,{value},1" for value in values)]
    (lab.result / "objects.csv").write_text("\n".join(lines) + "\n")
    (lab.result / "DONE").touch()
    lab.results.forget(RUN)


@pytest.mark.parametrize("largest", [70_000, 2**24 + 1])
def test_ids_stay_what_they_are_up_to_large_ones(lab, largest):
    labels = np.zeros((700, 900), np.int32)
    labels[::3, ::3] = np.arange(1, 234 * 300 + 1).reshape(234, 300)
    labels[699, 899] = labels[698, 898] = largest if largest > 2**17 else 70_200
    plant(lab, labels)
    layer = lab.results.labels(RUN, "field", 0)
    assert layer.n_levels == 2
    for level in (0, 1):
        for y, x in np.ndindex(2 - level, 2 - level):
            tile = lab.results.tile(RUN, "field", 0, level, y, x)
            assert tile.dtype == np.dtype("<u4")
            assert (tile == cut_decimated(labels, level, y, x)).all()
    assert lab.results.tile(RUN, "field", 0, 0, 1, 1)[-1, -1] == labels.max()
    table = lab.results.table(RUN, "field", 0)
    assert table.columns[0].values == LabelBoxes(labels).values().tolist()
    assert labels.max() in table.columns[0].values


def test_large_labels_are_mapped_from_a_file_and_can_be_corrected(lab, monkeypatch):
    monkeypatch.setattr("granum.app.result_frame.IN_MEMORY", 0)
    monkeypatch.setattr("granum.app.label_planes.IN_MEMORY", 0)
    before = lab.labels()
    assert lab.results._frames[RUN, "field", 0].n_pixels == 0
    assert (before == read_labels(lab.result / "labels" / "field.tif")).all()
    assert list((lab.project.cache / "labels" / RUN).glob("*.npy"))
    lab.edit("delete", labels=[1])
    assert (lab.labels() == np.where(before == 1, 0, before)).all()
    give_back(lab.results._frames[RUN, "field", 0].labels)
    assert (lab.labels() == np.where(before == 1, 0, before)).all()
    lab.results.undo(RUN, "field", 0, "local")
    assert (lab.labels() == before).all()
    assert (lab.labels("movie", 1) == read_labels(lab.result / "labels" / "movie.tif")[1]).all()


def test_a_correction_that_does_not_go_changes_nothing(lab):
    before = lab.labels()
    with pytest.raises(GranumError, match="no object 999"):
        lab.edit("delete", labels=[999])
    assert (lab.labels() == before).all()
    assert lab.messages == []
    assert lab.results.run(RUN).images[0].n_edits == 0


def test_many_threads_on_one_frame_lose_no_correction(open_lab):
    lab = open_lab(most_pixels=1)  # every look at another frame lets this one go
    labels = LabelBoxes(lab.labels()).values().tolist()
    failures = []

    def work(mine):
        try:
            for label in mine:
                lab.edit("delete", labels=[label], author=f"author{mine[0]}")
                lab.results.tile(RUN, "movie", label % 2, 0, 0, 0)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(labels[n:12:4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert lab.results.run(RUN).images[0].n_edits == 12
    assert LabelBoxes(lab.labels()).values().tolist() == labels[12:]
    assert len(lab.messages) == 12
    shown = lab.labels()
    assert (open_lab().labels() == shown).all()


def test_a_result_that_was_replaced_is_read_anew(lab):
    lab.edit("delete", labels=[1])
    labels = read_labels(lab.result / "labels" / "movie.tif")
    labels[labels == 1] = 0
    write_labels(lab.result / "labels" / "movie.tif", labels)
    (lab.result / "DONE").write_text((lab.result / "DONE").read_text())
    assert (lab.labels("movie", 0) == labels[0]).all()
    assert lab.results.run(RUN).images[0].n_edits == 1
    assert 1 not in lab.labels()

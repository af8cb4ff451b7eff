from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
import tifffile

from granum.app.job_folder import Status
from granum.app.jobs import MOST_ITEMS, Jobs, _shortened
from granum.app.problems import Problem
from granum.app.results import Results
from granum.app.run_messages import JobItem
from granum.app.run_shelf import RunShelf
from granum.errors import SettingError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")


def facts_of(out):
    """What run.json says, without times and the command."""
    run = json.loads((out / "run.json").read_text())
    images = [{name: value for name, value in image.items() if name != "seconds"} for image in run.pop("images")]
    return {name: run[name] for name in run if name not in ("started", "finished", "seconds", "command")}, images


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_leaves_the_same_bytes_as_granum_run(bench, tools, tmp_path, processes):
    bench.project.set_pixel_size("0.5 nm")
    id = bench.run(toml=None, recipe="particles", jobs=processes, settings={"segment.automatic.polarity": "bright"})
    out = tmp_path / "by_command"
    files = map(str, sorted(bench.folder.glob("*.tif")))
    words = [sys.executable, "-m", "granum", "run", "particles", *files, "-o", str(out)]
    words += ["--set", "segment.automatic.polarity=bright", "--pixel-size", "0.5 nm"]
    subprocess.run(words, check=True, capture_output=True)
    assert tools.bytes_of(bench.result(id)) == tools.bytes_of(out)
    assert len(tools.bytes_of(out)) == 3 + 2 * 3
    assert facts_of(bench.result(id)) == facts_of(out)


def test_a_job_tells_how_far_it_is_and_what_is_there_already(bench, tools):
    bench.hold()
    jobs = bench.jobs()
    id = jobs.start(bench.ask(title="first")).id
    bench.wait_begun("field_3")
    tools.wait_for(lambda: jobs.job(id).current == "field_3.tif")
    bench.let("field_3")
    tools.wait_for(lambda: jobs.job(id).done == 1)
    job = jobs.job(id)
    assert (job.state, job.title, job.recipe, job.total, job.current) == ("running", "first", "quick", 3, "field_5.tif")
    assert [(item.file, item.frame, item.n_objects) for item in job.items] == [("field_3.tif", 0, 3)]
    assert [one.id for one in jobs.running()] == [id]
    bench.let()
    job = bench.wait(jobs, id)
    assert (job.state, job.done, job.total, job.current, job.error, job.failures) == ("done", 3, 3, "", "", [])
    assert [item.n_objects for item in job.items] == [3, 5, 7]
    assert job.finished >= job.created
    tools.wait_for(lambda: bench.messages[-1] == {"type": "runs", "runs": [id]})
    states = [message["job"]["state"] for message in bench.messages if message["type"] == "job"]
    assert states[-1] == "done"
    assert set(states[:-1]) == {"running"}
    assert jobs.running() == []
    assert jobs.result_folder(id) == bench.result(id)


def test_cancel_ends_all_processes_and_what_is_done_is_kept_for_resume(bench, tools):
    whole = bench.run()
    bench.hold()
    jobs = bench.jobs()
    id = jobs.start(bench.ask(jobs=2)).id
    bench.let("field_3")
    bench.wait_begun("field_5", "field_7")
    tools.wait_for(lambda: jobs.job(id).done == 1)
    leader = bench.status(id)["pid"]
    assert len(tools.processes_of(leader)) >= 3
    job = jobs.cancel(id)
    assert (job.state, job.done, job.current) == ("cancelled", 1, "")
    tools.wait_for(lambda: tools.processes_of(leader) == [], seconds=5)
    assert not bench.result(id).exists()
    with pytest.raises(Problem, match="has ended already") as caught:
        jobs.cancel(id)
    assert caught.value.status == 409
    with pytest.raises(Problem, match="not finished"):
        jobs.result_folder(id)

    bench.let()
    assert jobs.resume(id).state in ("queued", "running")
    assert bench.wait(jobs, id).state == "done"
    assert tools.bytes_of(bench.result(id)) == tools.bytes_of(bench.result(whole))
    states = {message["job"]["state"] for message in bench.messages if message["type"] == "job"}
    assert "cancelled" in states
    assert "interrupted" not in states


def test_a_job_whose_process_was_killed_is_interrupted_and_goes_on_to_the_same_bytes(bench, tools):
    whole = bench.run()
    bench.hold()
    jobs = bench.jobs()
    id = jobs.start(bench.ask(jobs=2)).id
    bench.let("field_7")
    bench.wait_begun("field_3", "field_5")
    leader = bench.status(id)["pid"]
    os.kill(leader, signal.SIGKILL)
    assert bench.wait(jobs, id).state == "interrupted"
    tools.wait_for(lambda: tools.processes_of(leader) == [], seconds=5)
    jobs.close()
    again = bench.jobs()
    assert again.job(id).state == "interrupted"
    bench.let()
    again.resume(id)
    assert bench.wait(again, id).state == "done"
    assert tools.bytes_of(bench.result(id)) == tools.bytes_of(bench.result(whole))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_job_that_is_asked_to_end_leaves_no_process_and_can_be_resumed(bench, tools, number):
    bench.hold()
    jobs = bench.jobs()
    id = jobs.start(bench.ask(jobs=2)).id
    bench.wait_begun("field_3", "field_5")
    leader = bench.status(id)["pid"]
    os.kill(leader, number)
    assert bench.wait(jobs, id).state == "interrupted"
    tools.wait_for(lambda: tools.processes_of(leader) == [], seconds=5)
    assert bench.status(id)["state"] == "interrupted"
    bench.let()
    jobs.resume(id)
    assert bench.wait(jobs, id).state == "done"


def test_a_job_goes_on_without_its_server_and_the_next_one_finds_it(bench, tools):
    bench.hold()
    jobs = bench.jobs()
    id = jobs.start(bench.ask(title="long")).id
    bench.wait_begun("field_3")
    tools.wait_for(lambda: bench.status(id)["state"] == "running")
    assert jobs.close() == "Goes on without the app, which finds it again: long."
    again = bench.jobs()
    assert again.job(id).state == "running"
    with pytest.raises(Problem, match="is running"):
        again.resume(id)
    with pytest.raises(Problem, match="is running"):
        again.remove(id)
    bench.let()
    assert bench.wait(again, id).state == "done"
    assert bench.messages[-1]["type"] in ("job", "runs")


def test_a_job_survives_kill_9_of_its_server(bench, tools, tmp_path):
    bench.hold()
    code = """
import sys, time
sys.path.insert(0, sys.argv[1])
from granum.app.project import Project
from granum.app.jobs import Jobs
from granum.app.run_messages import RunRequest
from pathlib import Path
import importlib.util
spec = importlib.util.spec_from_file_location("bench", sys.argv[2])
module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)
folder = Path(sys.argv[3])
jobs = Jobs(Project(folder), module.FolderPictures(folder), print)
jobs.start(RunRequest(toml=module.QUICK, jobs=2))
time.sleep(1000)
"""
    words = [sys.executable, "-c", code, str(tmp_path), os.path.join(os.path.dirname(__file__), "run_bench.py")]  # noqa: PTH118, PTH120
    with subprocess.Popen([*words, str(bench.folder)], stdout=subprocess.DEVNULL) as server:
        try:
            bench.wait_begun("field_3", "field_5")
        finally:
            server.kill()
    jobs = bench.jobs()
    (job,) = jobs.all().jobs
    assert job.state == "running"
    leader = bench.status(job.id)["pid"]
    bench.let()
    assert bench.wait(jobs, job.id).state == "done"
    tools.wait_for(lambda: tools.processes_of(leader) == [], seconds=5)


def test_a_server_can_end_its_job_with_itself(bench, tools):
    bench.hold()
    jobs = bench.jobs(stop_with_server=True)
    id = jobs.start(bench.ask(title="mine", jobs=2)).id
    waits = jobs.start(bench.ask()).id
    bench.wait_begun("field_3", "field_5")
    leader = bench.status(id)["pid"]
    assert jobs.close() == "Stopped, and can be resumed in the app: mine."
    tools.wait_for(lambda: tools.processes_of(leader) == [], seconds=5)
    assert bench.status(id)["state"] == "interrupted"
    assert bench.status(waits)["state"] == "queued"


def test_jobs_wait_for_each_other_in_order_and_the_queue_survives_the_server(bench, tools):
    bench.hold()
    jobs = bench.jobs()
    ids = [jobs.start(bench.ask(title=str(n))).id for n in range(4)]
    assert [job.id for job in jobs.all().jobs] == ids[::-1]
    assert [jobs.job(id).state for id in ids] == ["running", "queued", "queued", "queued"]
    assert jobs.cancel(ids[1]).state == "cancelled"
    bench.wait_begun("field_3")
    jobs.close()
    again = bench.jobs()
    assert [again.job(id).state for id in ids] == ["running", "cancelled", "queued", "queued"]
    bench.let()
    tools.wait_for(lambda: again.job(ids[3]).state == "done")
    assert [again.job(id).state for id in ids] == ["done", "cancelled", "done", "done"]
    logs = [bench.project.path("runs", id, "status.json").stat().st_mtime_ns for id in (ids[0], ids[2], ids[3])]
    assert logs == sorted(logs)


@pytest.mark.parametrize("foreign", ["no mark", "another mark", "another job", "another place", "own"])
def test_a_job_that_came_with_the_project_of_somebody_else_does_not_start_by_itself(bench, foreign):
    planner = bench.jobs()
    plan = planner.plan_of(bench.ask(title="waits"))
    planner.close()
    run = RunShelf(bench.project).make(plan)
    status = bench.status(run.id)
    assert (status["state"], len(status["mark"])) == ("queued", 64)
    if foreign == "another job":
        run.folder.job.write_text(run.folder.job.read_text().replace('"waits"', '"something else"'))
    elif foreign == "another place":
        run.folder.path.rename(run.folder.path.with_name("20260101T000000Z-abcdef"))
    elif foreign != "own":
        status["mark"] = "" if foreign == "no mark" else "0" * 64
        run.folder.status.write_text(json.dumps(status))
    jobs = bench.jobs()
    jobs._advance()
    (job,) = jobs.all().jobs
    assert job.state in (("queued", "running", "done") if foreign == "own" else ("interrupted",))
    if foreign != "own":
        assert not jobs._children
        assert jobs.resume(job.id).state in ("queued", "running")
    assert bench.wait(jobs, job.id).state == "done"


def test_a_link_in_a_run_is_never_written_through(bench, tmp_path):
    """A project from elsewhere may hold links: to a file that the log would be added to, to a folder for the result."""
    id = bench.run()
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "DONE").write_text("mine")
    place = bench.project.path("runs", id)
    for name, target in (("edits", treasure), ("result/deep", treasure), ("lock", treasure / "DONE")):
        known = bench.jobs()
        (place / name).unlink(missing_ok=True)
        (place / name).symlink_to(target)
        with pytest.raises(Problem, match=f"{name} is a link"):
            Results(bench.project, bench.pictures, print).run(id)
        known._shelf.get(id).folder.write_status(Status("failed"))
        with pytest.raises(Problem, match=f"{name} is a link"):
            known.resume(id)
        assert bench.jobs().all().jobs == []
        (place / name).unlink()
        known.close()
    assert [path.name for path in treasure.iterdir()] == ["DONE"]
    assert (treasure / "DONE").read_text() == "mine"


def test_a_number_that_belongs_to_another_process_now_is_not_taken_for_the_job(bench):
    id = bench.run()
    path = bench.project.path("runs", id, "status.json")
    content = json.loads(path.read_text())
    bench.project.path("runs", id, "result", "DONE").unlink()
    path.write_text(json.dumps({**content, "state": "running", "pid": os.getpid()}))
    jobs = bench.jobs()
    assert jobs.job(id).state == "interrupted"
    with pytest.raises(Problem):
        jobs.cancel(id)
    assert psutil.pid_exists(os.getpid())


def test_a_job_killed_after_its_last_word_but_one_is_done(bench):
    id = bench.run()
    path = bench.project.path("runs", id, "status.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "state": "running", "pid": 0}))
    assert bench.jobs().job(id).state == "done"


def test_one_bad_file_is_named_and_resume_tries_it_once_more(bench, tools):
    good = (bench.folder / "field_5.tif").read_bytes()
    (bench.folder / "field_5.tif").write_bytes(good[:60])
    jobs = bench.jobs()
    id = jobs.start(bench.ask()).id
    job = bench.wait(jobs, id)
    assert (job.state, len(job.failures)) == ("done", 1)
    assert "field_5.tif" in job.failures[0]
    assert [(item.file, item.n_objects, bool(item.error)) for item in job.items] == [
        ("field_3.tif", 3, False), ("field_7.tif", 7, False), ("field_5.tif", 0, True),
    ]  # fmt: skip
    (bench.folder / "field_5.tif").write_bytes(good)
    jobs.resume(id)
    job = bench.wait(jobs, id)
    assert (job.state, job.failures, [item.n_objects for item in job.items]) == ("done", [], [3, 5, 7])
    with pytest.raises(Problem, match="nothing failed"):
        jobs.resume(id)
    assert tools.bytes_of(bench.result(id)) == tools.bytes_of(bench.result(bench.run()))


def test_a_job_that_can_do_nothing_has_failed_with_a_sentence(bench):
    for path in bench.folder.glob("*.tif"):
        path.write_bytes(b"no image")
    jobs = bench.jobs()
    job = bench.wait(jobs, jobs.start(bench.ask()).id)
    assert job.state == "failed"
    assert "field_3.tif" in job.error
    assert not bench.result(job.id).exists()


def test_a_process_that_ends_before_its_first_word_has_failed_and_the_next_job_runs(bench, monkeypatch):
    jobs = bench.jobs()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/bin/false")
        id = jobs.start(bench.ask()).id
        job = bench.wait(jobs, id)
    assert (job.state, "code 1" in job.error, "log.txt" in job.error) == ("failed", True, True)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/no/such/program")
        job = jobs.start(bench.ask())
    assert (job.state, "cannot be started" in job.error) == ("failed", True)
    jobs.resume(id)
    assert bench.wait(jobs, id).state == "done"


def test_a_removed_run_is_gone(bench):
    id = bench.run()
    jobs = bench.jobs()
    jobs.remove(id)
    assert list(bench.project.path("runs").iterdir()) == []
    assert jobs.all().jobs == []
    for ask in (jobs.job, jobs.remove, jobs.cancel, jobs.resume, jobs.plan, jobs.result_folder):
        with pytest.raises(Problem, match="does not exist") as caught:
            ask(id)
        assert caught.value.status == 404
    assert bench.messages[-1] == {"type": "runs", "runs": [id]}


def test_what_is_not_possible_is_told_before_a_run_is_made(bench):
    jobs = bench.jobs()
    for request, error in (
        (bench.ask(images=["nothing"]), Problem),
        (bench.ask(images=[]), Problem),
        (bench.ask(toml=None, recipe="../../etc/passwd"), Problem),
        (bench.ask(settings={"segment.threshold.metod": "li"}), SettingError),
        (bench.ask(channels={"nuclei": 0}), SettingError),
        (bench.ask(channels={"image": 7}), SettingError),
    ):
        with pytest.raises(error):
            jobs.start(request)
    assert not bench.project.place.exists()
    bench.project.read_only = "the disk is read-only."
    with pytest.raises(Problem, match="read-only"):
        jobs.start(bench.ask())


def test_the_images_that_were_asked_for_run_in_the_order_of_the_project(bench):
    names = ["field_7.tif", "field_3.tif"]
    id = bench.run(images=[bench.pictures.id(name) for name in names] * 2, channels={"image": 0})
    jobs = bench.jobs()
    assert [item.file for item in jobs.job(id).items] == ["field_3.tif", "field_7.tif"]
    assert json.loads((bench.result(id) / "run.json").read_text())["reading"]["channels"] == {"image": "0"}


def test_only_the_newest_items_of_a_large_job_go_to_every_page(bench):
    job = bench.jobs().job(bench.run())
    many = [JobItem(file=f"{n}.tif", frame=0, n_objects=n) for n in range(MOST_ITEMS + 5)]
    assert _shortened(job.model_copy(update={"items": many})).items == many[5:]


def test_a_full_queue_of_a_project_that_became_read_only_waits(bench):
    bench.hold()
    jobs = bench.jobs()
    first, second = (jobs.start(bench.ask()).id for _ in range(2))
    bench.wait_begun("field_3")
    bench.project.read_only = "it is read-only."
    bench.let()
    assert bench.wait(jobs, first).state == "done"
    assert jobs.job(second).state == "queued"
    bench.project.read_only = ""
    assert bench.wait(jobs, second).state == "done"


def test_a_watcher_that_meets_an_error_goes_on(bench, monkeypatch, tools):
    jobs = bench.jobs()
    rounds = []

    def fail():
        rounds.append(1)
        raise OSError("the disk is full")

    monkeypatch.setattr(jobs, "_advance", fail)
    tools.wait_for(lambda: len(rounds) > 2)
    monkeypatch.undo()
    assert bench.wait(jobs, jobs.start(bench.ask()).id).state == "done"


def test_two_frames_are_two_items(bench):
    stack = [tifffile.imread(bench.folder / f"field_{n}.tif") for n in (3, 5)]
    tifffile.imwrite(bench.folder / "movie.tif", stack, metadata={"axes": "TYX"}, ome=True)
    id = bench.run(images=[bench.pictures.id("movie.tif")])
    job = bench.jobs().job(id)
    assert [(item.frame, item.n_objects) for item in job.items] == [(0, 3), (1, 5)]
    assert (job.done, job.total) == (2, 2)
    assert isinstance(bench.open_jobs[0], Jobs)

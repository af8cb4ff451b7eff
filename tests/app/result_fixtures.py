"""Finished runs for the tests of results: made by `run_batch`, as jobs make them."""

from __future__ import annotations

import json

import numpy as np
import tifffile

from granum.app.run_messages import EditRequest, RunRequest
from granum.app.run_plan import plan_run
from granum.batch import run_batch
from granum.samples import simulate_particles

RUN = "20260101T120000Z-0a1b2c"


def write_images(folder, *, size=260, count=14):
    """Write one picture and a series of two frames."""
    pictures = [
        simulate_particles("tem", size=size, count=count, seed=seed, dtype="uint16").image for seed in (1, 2, 3)
    ]
    options = {"resolution": (2.0, 2.0), "imagej": True}
    tifffile.imwrite(folder / "field.tif", pictures[0], metadata={"axes": "YX", "unit": "nm"}, **options)
    tifffile.imwrite(folder / "movie.tif", np.stack(pictures[1:]), metadata={"axes": "TYX", "unit": "nm"}, **options)


def finish_run(project, pictures, *, id=RUN, recipe="particles", number=1, images=None, toml=None):
    """Make a finished run and return its folder."""
    plan = plan_run(RunRequest(recipe=recipe, toml=toml, images=images, jobs=1), project, pictures)
    place = project.path("runs", id)
    place.mkdir(parents=True)
    about = {**plan.to_json(), "number": number, "created": "2026-01-01T12:00:00+00:00"}
    (place / "job.json").write_text(json.dumps(about))
    run_batch(plan.recipe, plan.paths, place / "result", pixel_size=plan.pixel_size)
    return place


def request(op, id="", **more):
    """Return an edit with an id of its own."""
    request.n += 1
    return EditRequest(id=id or f"act{request.n}", op=op, **more)


request.n = 0


def rows_of(body):
    """Return a table as label -> dict."""
    names = [column.name for column in body.columns]
    return {
        values[names.index("label")]: dict(zip(names, values, strict=True))
        for values in zip(*(column.values for column in body.columns), strict=True)
    }

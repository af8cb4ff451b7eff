"""Run folders made by hand, as a live-dead run leaves them, for tests of what reads runs."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import tifffile

LEGEND = [(1, "cell"), (2, "outline"), (3, "live nucleus"), (4, "dead nucleus")]
RECIPE = """
name = "live-dead"
summary = "For tests."
assay = "live-dead"

[channels.brightfield]
names = ["BF"]
optional = true
about = "Light."

[channels.live]
names = ["hoechst"]
about = "All nuclei."

[channels.dead]
names = ["draq7"]
about = "Dead nuclei."

[[step]]
do = "segment.nuclei"
from = { live = "channel.live", dead = "channel.dead" }

[[step]]
do = "separate.choose"

[[step]]
do = "segment.cell_area"
from = { live = "channel.live" }

[[step]]
do = "separate.cells"

[[step]]
do = "measure.objects"
from = { image = "channel.live" }

[[step]]
do = "segment.stain_classes"
"""
SHAPE = (96, 128)


def make_scene(number):
    """Return (channels, labels, classes, p_dead) of one field: two cells in the left half, nothing in the right."""
    labels, classes = np.zeros(SHAPE, np.uint16), np.zeros(SHAPE, np.uint8)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for label, (cy, kind) in enumerate([(24, 3), (70, 4)], 1):
        away = np.hypot(y - cy, x - 28)
        classes[away <= 18], classes[away <= 17], classes[away <= 7] = 2, 1, kind
        labels[away <= 7] = label
    pixels = np.random.default_rng(number).integers(100, 200, (3, *SHAPE)).astype(np.uint16)
    pixels[1, labels > 0] += 900
    pixels[2, labels == 2] += 900
    return pixels, labels, classes, (0.02, 0.7 if number % 2 else 0.98)


def make_run(
    folder, files=("B02_f1.tif", "B02_f2.tif", "B03_f1.tif", "C02_f1.tif"), *, recipe=RECIPE, n_frames=1,
    separate_files=False,
):  # fmt: skip
    """Write images to ``folder/images`` and a run of them to ``folder/run``; return the run."""
    images, run = folder / "images", folder / "run"
    for place in (images, run / "classes", run / "labels"):
        place.mkdir(parents=True)
    inputs, entries, rows, objects = [], [], ["file,frame,analysed_px"], ["file,frame,label,p_dead"]
    for number, name in enumerate(files):
        stem = name.partition(".")[0]
        scenes = [make_scene(10 * number + t) for t in range(n_frames)]
        stack = np.stack([pixels for pixels, *_ in scenes])
        if separate_files:
            written = [images / f"{stem}_{role}.tif" for role in ("bf", "live", "dead")]
            for channel, path in enumerate(written):
                tifffile.imwrite(path, stack[:, channel] if n_frames > 1 else stack[0, channel])
            name = written[1].name
            written = [written[1], written[0], written[2]]
        else:
            written = [images / name]
            tifffile.imwrite(written[0], stack, imagej=True, metadata={"axes": "TCYX"})
        for kind, planes in (("classes", [scene[2] for scene in scenes]), ("labels", [scene[1] for scene in scenes])):
            tifffile.imwrite(run / kind / f"{stem}.tif", np.stack(planes), photometric="minisblack")
        inputs.append({
            "file": name, "stem": stem, "format": "TIFF", "dtype": "uint16", "pixel_size": None, "notes": [],
            "frame_times_s": None, "shape_tczyx": [n_frames, 1 if separate_files else 3, 1, *SHAPE],
            "files": [
                {"name": path.name, "path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
                for path in written
            ],
        })  # fmt: skip
        for t, (_, _, classes, p_dead) in enumerate(scenes):
            known = [
                {"id": id, "name": text, "colour": "#112233", "area_px": int((classes == id).sum())}
                for id, text in LEGEND
            ]
            entries.append({"file": name, "frame": t, "stem": stem, "classes": known})
            rows.append(f"{name},{t},{SHAPE[0] * SHAPE[1]}")
            objects += [f"{name},{t},{label},{p}" for label, p in enumerate(p_dead, 1)]
    channels = {} if separate_files else {"brightfield": "0", "hoechst": "1", "dead": "2"}
    patterns = {"live": "*_live.tif", "brightfield": "*_bf.tif", "dead": "*_dead.tif"} if separate_files else {}
    reading = {"channels": channels, "patterns": patterns, "pixel_size": None, "interval_s": None, "z": None}
    (run / "run.json").write_text(json.dumps({"reading": reading, "inputs": inputs, "images": entries}))
    (run / "recipe.toml").write_text(recipe)
    (run / "images.csv").write_text("\n".join(rows) + "\n")
    (run / "objects.csv").write_text("\n".join(objects) + "\n")
    (run / "DONE").write_text("")
    return run

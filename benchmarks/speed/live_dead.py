"""How long one field of the live-dead assay takes, and how much memory: 2700 x 3600 pixels, three channels, 16 bit.

    python benchmarks/speed/live_dead.py             the field of the issue, all cores and one
    python benchmarks/speed/live_dead.py --quick     900 x 1200

From pixels in memory to classes, table and counts by the recipe `live-dead`, the best of three runs in a process of its
own, warmed up on a small field. Peak memory is the high-water mark of the first run minus what was there before it, the
pixels included. Writes `bench_out/speed_live_dead.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from particles import _peak_bytes, _reset_peak

OUT = Path("bench_out")
CELLS_PER_MPX = 41  # 400 in the field of the issue


def make_field(rows: int, columns: int) -> Any:
    """Return (3, Y, X): brightfield, live, dead."""
    from granum.samples.live_dead import simulate_live_dead

    made = simulate_live_dead(size=(rows, columns), count=round(CELLS_PER_MPX * rows * columns / 1e6), seed=1)
    return np.stack([made.brightfield, made.live, made.dead])


def measure_here(file: Path, recipe: str) -> dict[str, Any]:
    """Run the recipe in this process."""
    warnings.simplefilter("ignore")
    from granum import Image, pipeline
    from granum.recipe import load_recipe

    planes, loaded = np.load(file), load_recipe(recipe)
    channels: dict[str, Any] = {"brightfield": 0, "live": 1, "dead": 2}

    def once(pixels: Any) -> Any:
        return pipeline.run(loaded, Image.from_array(pixels, axes="CYX"), channels=channels)

    once(np.ascontiguousarray(planes[:, :640, :640]))
    planes.max()  # touch every page before memory is counted
    _reset_peak()
    before = _peak_bytes()
    seconds, peak, found = [], 0, None
    for _ in range(3):
        start = time.perf_counter()
        result = once(planes)
        seconds.append(time.perf_counter() - start)
        if found is None or seconds[-1] == min(seconds):
            found = result
        peak = peak or _peak_bytes() - before
        del result
    assert found is not None
    n_pixels = planes[0].size
    return {
        "pixels": n_pixels,
        "nuclei": found.n_objects,
        "seconds": min(seconds),
        "steps": {name: round(value, 3) for name, value in found.seconds.items()},
        "bytes per pixel": peak / n_pixels,
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--recipe", default="live-dead")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here is not None:
        print(json.dumps(measure_here(given.here, given.recipe)))
        return
    size = (900, 1200) if given.quick else (2700, 3600)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "field.npy"
        np.save(file, make_field(*size))
        for threads in sorted({os.cpu_count() or 1, 1}, reverse=True):
            limits = {name: str(threads) for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")}
            limits["OMP_WAIT_POLICY"] = "PASSIVE"  # as the command `granum` has it
            command = [sys.executable, __file__, "--here", str(file), "--recipe", given.recipe]
            done = subprocess.run(command, env=os.environ | limits, capture_output=True, text=True, check=True)
            row = {"threads": threads, **json.loads(done.stdout.splitlines()[-1])}
            rows.append(row)
            print(f"{threads} threads: {row['seconds']:.2f} s, {row['bytes per pixel']:.0f} bytes per pixel, "
                  f"{row['nuclei']} nuclei")  # fmt: skip
            for name, value in row["steps"].items():
                print(f"    {name:28}{value:8.3f} s")
    OUT.mkdir(exist_ok=True)
    (OUT / "speed_live_dead.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

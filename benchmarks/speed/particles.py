"""How fast granum counts and measures particles, beside the recipes people use, on the same image in the same run.

    python benchmarks/speed/particles.py            1, 4, 16 and 64 Mpx (about 20 minutes on 2 cores, mostly the others)
    python benchmarks/speed/particles.py --quick    1 and 4 Mpx

Methods, all from pixels to a table of objects:
- `granum`: recipe `particles-seed`: Otsu, exact distance transform, peaks, local k-means, measures.
- `granum basic`: the same with area, centroid, equivalent diameter, axes and flags only, no Feret, hull or grey level.
- `granum auto`: recipe `particles`, which chooses everything from the image.
- `seed recipe`: the same with SciPy, scikit-image and one scikit-learn k-means per component, then regionprops.
- `watershed recipe`: scikit-image's usual watershed chain, then regionprops.

Each measurement is a process of its own, warmed up on 0.1 Mpx. Peak memory is the high-water mark during the run minus
what was there before it, image included. Writes `bench_out/speed_particles.csv` and `.json`.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARED = Path(__file__).resolve().parents[3] / "shared"
GOLD = SHARED / "data" / "seed_gold_particles" / "gold_8nm.png"
PARTICLES_PER_MPX = 850  # about 14,000 in 4096 x 4096
METHODS = ("granum", "granum basic", "granum auto", "seed recipe", "watershed recipe")
MEASURES = ("label", "area", "centroid", "axis_major_length", "axis_minor_length", "perimeter", "intensity_mean")


def make_image(size: int) -> NDArray[np.uint16]:
    """Return a 16-bit image of touching bright discs."""
    from granum.samples import simulate_particles

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        count = round(PARTICLES_PER_MPX * size * size / 2**20)
        simulated = simulate_particles(
            "discs", size=size, count=count, median_diameter=19, log_sd=0.2, touching=0.6, noise=0.7, dtype="uint16"
        )
    return simulated.image


def load_method(name: str) -> Callable[[NDArray[Any]], tuple[int, dict[str, float]]]:
    """Return a function from pixels to (number of objects, seconds per step)."""
    if name.startswith("granum"):
        from granum import Image, pipeline
        from granum.recipe import load_recipe

        recipe = load_recipe("particles" if name == "granum auto" else "particles-seed")
        if name == "granum basic":
            recipe = recipe.with_settings({"measure.objects.shape": "basic", "measure.objects.intensity": "false"})

        def run_granum(image: NDArray[Any]) -> tuple[int, dict[str, float]]:
            result = pipeline.run(recipe, Image.from_array(image))
            return result.n_objects, result.seconds

        return run_granum
    from skimage import measure

    spec = importlib.util.spec_from_file_location("baselines", SHARED / "bench" / "baselines.py")
    assert spec is not None
    assert spec.loader is not None
    baselines = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(baselines)
    segment = baselines.seed000 if name == "seed recipe" else baselines.skimage_watershed

    def run_baseline(image: NDArray[Any]) -> tuple[int, dict[str, float]]:
        start = time.perf_counter()
        labels = segment(image)
        middle = time.perf_counter()
        table = measure.regionprops_table(labels, image, properties=MEASURES)
        return len(table["label"]), {"labels": middle - start, "regionprops": time.perf_counter() - middle}

    return run_baseline


def _reset_peak() -> bool:
    """Set the high-water mark of memory to what is used now; only Linux can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _peak_bytes() -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure_here(name: str, file: Path, repeats: int) -> dict[str, Any]:
    """Run one method in this process; the best time of `repeats`, the peak memory of the first."""
    warnings.simplefilter("ignore")
    run, image = load_method(name), np.load(file)
    run(np.ascontiguousarray(image[:320, :320]))
    image.max()  # touch every page before memory is counted
    _reset_peak()
    before = _peak_bytes()
    times: list[float] = []
    peak, n_objects, steps = 0, 0, {}
    for _ in range(repeats):
        start = time.perf_counter()
        n_objects, step_seconds = run(image)
        times.append(time.perf_counter() - start)
        if times[-1] == min(times):
            steps = step_seconds
        peak = peak or _peak_bytes() - before
    row = {"method": name, "mpx": image.size / 2**20, "seconds": min(times), "bytes_per_pixel": peak / image.size}
    return row | {"objects": n_objects, "steps": {key: round(value, 4) for key, value in steps.items()}}


def measure_apart(name: str, file: Path, repeats: int) -> dict[str, Any] | None:
    """Run one method in a process of its own; None when it fails."""
    command = [sys.executable, __file__, "--worker", name, str(file), str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{name}: failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}", flush=True)
        return None
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def _seconds(command: list[str], repeats: int = 5) -> float:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        best = min(best, time.perf_counter() - start)
    return best


def measure_start() -> list[dict[str, Any]]:
    """Return how long granum takes to start, whole processes, best of 5."""
    python = sys.executable
    bare = _seconds([python, "-c", "pass"])
    rows = [{"what": "import granum", "seconds": _seconds([python, "-c", "import granum"]) - bare, "target": 0.1}]
    granum = [python, "-m", "granum"]
    try:
        rows.append({"what": "granum --help", "seconds": _seconds([*granum, "--help"]), "target": 0.3})
        if GOLD.exists():
            with tempfile.TemporaryDirectory() as folder:
                times = []
                for i in range(4):  # the first fills numba's cache
                    command = [*granum, "run", "particles", str(GOLD), "-o", f"{folder}/out{i}"]
                    times.append(_seconds(command, repeats=1))
            rows.append({"what": "granum run particles gold", "seconds": min(times[1:]), "target": 2.5})
    except subprocess.CalledProcessError as error:
        print(f"{' '.join(error.cmd[1:])}: failed: {error.stderr.decode().strip().splitlines()[-1:]}", flush=True)
    return rows


def print_row(row: dict[str, Any], granum_seconds: float | None) -> None:
    """Print one measurement, and how many times slower than granum it is."""
    ratio = f"{row['seconds'] / granum_seconds:8.1f}x" if granum_seconds else " " * 9
    steps = "  ".join(f"{key} {value:.2f}" for key, value in row["steps"].items())
    print(
        f"{row['mpx']:6.0f} Mpx  {row['method']:<17} {row['seconds']:8.3f} s {ratio}  "
        f"{row['bytes_per_pixel']:6.1f} B/px  {row['objects']:>7} objects  {steps}",
        flush=True,
    )


def run_sizes(sizes: list[int], methods: list[str]) -> list[dict[str, Any]]:
    """Measure all methods at all sizes, and print as it goes."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            file = Path(folder) / "image.npy"
            np.save(file, make_image(size))
            granum_seconds = None
            for name in methods:
                fast = name.startswith("granum")
                row = measure_apart(name, file, (3 if fast else 1) if size > 2048 else (7 if fast else 2))
                if row is not None:
                    granum_seconds = row["seconds"] if name == "granum" else granum_seconds
                    row["times_granum"] = row["seconds"] / granum_seconds if granum_seconds else None
                    rows.append(row)
                    print_row(row, granum_seconds)
    return rows


def print_linearity(rows: list[dict[str, Any]]) -> None:
    """Print the cost per pixel at the largest size over that at the smallest."""
    for name in dict.fromkeys(row["method"] for row in rows):
        own = sorted((row for row in rows if row["method"] == name), key=lambda row: row["mpx"])
        if len(own) > 1:
            per_pixel = (own[-1]["seconds"] / own[-1]["mpx"]) / (own[0]["seconds"] / own[0]["mpx"])
            print(f"{name}: from {own[0]['mpx']:.0f} to {own[-1]['mpx']:.0f} Mpx {per_pixel:.2f} x linear")


def main() -> None:
    """Run from the command line."""
    if "--worker" in sys.argv:
        name, file, repeats = sys.argv[2:5]
        print(json.dumps(measure_here(name, Path(file), int(repeats))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 and 4 Mpx only")
    parser.add_argument("--mpx", default="", help="sizes, comma-separated: powers of 4 as 1,4,16,64")
    parser.add_argument("--methods", default=",".join(METHODS), help="comma-separated")
    parser.add_argument("--out", type=Path, default=Path("bench_out"))
    options = parser.parse_args()
    mpx = [float(value) for value in (options.mpx or ("1,4" if options.quick else "1,4,16,64")).split(",")]
    methods = options.methods.split(",")
    if not (SHARED / "bench").is_dir():
        print("speed: ../shared/bench is missing, so only granum is measured.")
        methods = [name for name in methods if name.startswith("granum")]
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    rows = run_sizes([round(1024 * value**0.5) for value in mpx], methods)
    print_linearity(rows)
    start = measure_start()
    for row in start:
        print(f"{row['what']:<28} {row['seconds']:.3f} s (target {row['target']} s)")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "speed_particles.json").write_text(json.dumps({"runs": rows, "start": start}, indent=1))
    if not rows:
        return
    with (options.out / "speed_particles.csv").open("w", newline="") as csv_file:
        writer = csv.DictWriter(csv_file, [key for key in rows[0] if key != "steps"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

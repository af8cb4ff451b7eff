"""Viability over time and times of death on simulated 48 h series of 12 wells, whose truth is known exactly.

    python benchmarks/accuracy/live_dead_series.py                 the recipe live-dead on the pictures (minutes)
    python benchmarks/accuracy/live_dead_series.py --nuclei truth  true labels, judged with noise and missed at times
    python benchmarks/accuracy/live_dead_series.py --quick         two small wells, a frame every four hours
    python benchmarks/accuracy/live_dead_series.py --wells 4 --size 512 --count 24 --interval 1 --jitter 0.4

Wells differ in their law of death and in their picture (gain, bleed-through, Hoechst kept by the dead, debris). Per
well: links of tracks that are right, deaths that are found within one frame (of those that happen between two frames
that show the nucleus), deaths that are reported and did not happen, and the largest error of viability over all times,
by the frames alone and with the states of each nucleus smoothed by its track. `joint` pools the wells: one nucleus of a
well of 60 is 1.7 points. Writes `bench_out/accuracy_live_dead_series.csv` and `.json`.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum import pipeline
from granum.image import Image
from granum.recipe import list_recipes
from granum.samples import DeathLaw, LiveDeadLook, LiveDeadSeries, SimulatedLiveDead, simulate_live_dead_series
from granum.score import match_objects, measure_overlaps
from granum.track import TrackBuilder, find_death_times

OUT = Path("bench_out")
SCALES_H = (240.0, 120.0, 80.0, 60.0, 48.0, 36.0)


def well_series(well: int, options: argparse.Namespace) -> LiveDeadSeries:
    """Return the series of a well: laws of death and pictures differ between wells."""
    look = LiveDeadLook(
        live_in_dead=(0.25, 0.6, 0.1)[well % 3],
        bleed_through=(0.02, 0.06)[well % 2],
        gain=(1.0, 0.4, 3.0)[well // 2 % 3],
        debris=(1.0, 3.0)[well // 3 % 2],
    )
    return simulate_live_dead_series(
        size=options.size, count=options.count, hours=options.hours, interval_h=options.interval,
        death=DeathLaw(scale_h=SCALES_H[well % len(SCALES_H)], shape=1.0 + well % 2), stage_jitter=options.jitter,
        speed=options.speed, seed=1000 + well, look=look,
    )  # fmt: skip


def judge_true_labels(
    frame: SimulatedLiveDead, rng: np.random.Generator, missed: float, noise: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return true labels without some, and a noisy judgement of each."""
    n = len(frame.is_dead)
    kept = rng.random(n) >= missed
    names = np.zeros(n + 1, np.int32)
    names[1:][kept] = np.arange(1, kept.sum() + 1)
    evidence = np.where(frame.is_dead, 4.0, -4.0) + rng.normal(0, noise, n)
    return names[frame.nuclei], (1 / (1 + np.exp(-evidence)))[kept]


def judge_by_recipe(frame: SimulatedLiveDead, recipe: str) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return labels and judgements of the recipe on the pictures."""
    names = ("brightfield", "live", "dead")
    planes = [getattr(frame, name) for name in names]
    image = Image.from_array(np.stack(planes), axes="CYX", channel_names=names)
    result = pipeline.run(recipe, image, channels={name: n for n, name in enumerate(names)})
    return result.labels, np.asarray(result.objects["p_dead"], np.float64)


def true_objects(frame: SimulatedLiveDead, labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the true track of each label 1..K, 0 for none."""
    track_of = np.concatenate([[0], frame.truth["nuclei"]["track"]])
    found = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    overlaps = measure_overlaps(frame.nuclei, labels)
    for pair in match_objects(overlaps, threshold=0.3):
        prediction, truth = overlaps.prediction_index[pair], overlaps.truth_index[pair]
        found[overlaps.prediction_labels[prediction]] = track_of[overlaps.truth_labels[truth]]
    return found[1:]


def follow(series: LiveDeadSeries, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Follow the nuclei of a series and compare with its truth."""
    rng = np.random.default_rng(seed)
    builder = TrackBuilder()
    truth: list[NDArray[np.int64]] = []
    for frame in series:
        if options.nuclei == "truth":
            labels, p_dead = judge_true_labels(frame, rng, options.missed, options.noise)
        else:
            labels, p_dead = judge_by_recipe(frame, options.nuclei)
        builder.add(labels, {"p_dead": p_dead})
        truth.append(true_objects(frame, labels))
    tracks = builder.tracks()
    started = time.perf_counter()
    deaths = find_death_times(tracks, n_frames=len(series))
    seconds = time.perf_counter() - started
    own = np.array([truth[t][label - 1] for t, label in zip(tracks["frame"], tracks["label"], strict=True)])
    return {
        "n_rows": len(own), "seconds_deaths": seconds, **score_links(series, tracks, own),
        **score_deaths(series, tracks, own, deaths.table), **score_viability(series, tracks, deaths.p_dead),
    }  # fmt: skip


def score_links(series: LiveDeadSeries, tracks: dict[str, NDArray[Any]], own: NDArray[np.int64]) -> dict[str, Any]:
    """Return how many links are between the same cell, and how many of the possible ones were made.

    By cell: a nucleus that leaves the picture and comes back is a new track of the truth, and the same cell.
    """
    own = np.concatenate([[0], np.array(series.tracks["cell"], np.int64) + 1])[own]
    same = (np.diff(tracks["track"]) == 0) & (own[1:] > 0) & (own[:-1] > 0)
    right = int((own[1:] == own[:-1])[same].sum())
    # a cell with two nuclei has two links from frame to frame
    n_frames = np.unique(np.stack([own, tracks["frame"]])[:, own > 0], axis=1).shape[1]
    n_rows = int((own > 0).sum())
    possible = n_rows - round(len(np.unique(own[own > 0])) * n_rows / max(1, n_frames))
    return {"n_links": int(same.sum()), "n_links_right": right, "n_links_possible": possible}


def score_deaths(
    series: LiveDeadSeries, tracks: dict[str, NDArray[Any]], own: NDArray[np.int64], table: dict[str, NDArray[Any]]
) -> dict[str, Any]:
    """Return how many deaths there were, were found, and were found within one frame."""
    true = series.tracks
    death_frame = {
        number: int(np.searchsorted(series.times_h, hour))
        for number, hour in zip(true["track"], true["death_h"], strict=True)
        if hour is not None
    }
    row_of = {int(number): row for row, number in enumerate(table["track"])}
    errors, inside, used = [], [], set()
    n_deaths = 0
    for number, when in death_frame.items():
        rows = np.flatnonzero(own == number)
        frames = tracks["frame"][rows]
        if not ((frames < when).any() and (frames >= when).any()):
            continue
        n_deaths += 1
        row = row_of[int(tracks["track"][rows[frames >= when][0]])]
        if table["outcome"][row] == "died":
            used.add(row)
            errors.append(abs(int(table["death_frame"][row]) - when))
            inside.append(table["death_low"][row] <= when <= table["death_high"][row])
    return {
        "n_deaths": n_deaths, "n_found": len(errors), "n_within_1": int((np.array(errors) <= 1).sum()),
        "n_in_interval": int(np.sum(inside)), "n_false": int((table["outcome"] == "died").sum()) - len(used),
        "n_doubtful": int(table["doubtful"].sum()),
    }  # fmt: skip


def score_viability(
    series: LiveDeadSeries, tracks: dict[str, NDArray[Any]], smooth: NDArray[np.float64]
) -> dict[str, Any]:
    """Return counts over time: true, by the frames alone, and smoothed by tracks."""
    n = len(series)
    counts: dict[str, Any] = {"true_live": series.n_live.tolist(), "true_all": (series.n_live + series.n_dead).tolist()}
    for name, p_dead in (("frame", tracks["p_dead"]), ("track", smooth)):
        known = np.isfinite(p_dead)  # what neither stain tells counts neither as live nor as dead
        frame, p = tracks["frame"][known], p_dead[known]
        counts[name] = np.bincount(frame, p < 0.5, minlength=n).tolist()
        counts[f"{name}_expected"] = np.bincount(frame, 1 - p, minlength=n).tolist()
        counts[f"{name}_all"] = counts[f"{name}_expected_all"] = np.bincount(frame, minlength=n).tolist()
    return {"counts": counts}


def viability_errors(counts: dict[str, Any]) -> dict[str, float]:
    """Return the largest and the root mean square error of viability over time, in points."""
    true = np.array(counts["true_live"]) / np.maximum(counts["true_all"], 1)
    errors = {}
    for name in ("frame", "track", "track_expected"):
        error = 100 * np.abs(np.array(counts[name]) / np.maximum(counts[f"{name}_all"], 1) - true)
        errors |= {f"{name}_max": float(error.max()), f"{name}_rms": float(np.sqrt((error**2).mean()))}
    return errors


def report(results: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each well, and one for all of them."""
    names = ("n_links", "n_links_right", "n_links_possible", "n_deaths", "n_found", "n_within_1", "n_in_interval",
             "n_false", "n_doubtful")  # fmt: skip
    joint = {name: sum(one[name] for one in results) for name in names}
    joint["counts"] = {key: np.sum([one["counts"][key] for one in results], axis=0) for key in results[0]["counts"]}
    for well, one in [*((str(n), one) for n, one in enumerate(results, 1)), ("joint", joint)]:
        yield {
            "well": well, "nuclei": int(one["counts"]["true_all"][0]),
            "links_right": one["n_links_right"] / max(1, one["n_links"]),
            "links_made": one["n_links_right"] / max(1, one["n_links_possible"]), "deaths": one["n_deaths"],
            "within_1": one["n_within_1"] / max(1, one["n_deaths"]), "found": one["n_found"] / max(1, one["n_deaths"]),
            "in_interval": one["n_in_interval"] / max(1, one["n_found"]), "false": one["n_false"],
            "doubtful": one["n_doubtful"], **viability_errors(one["counts"]),
        }  # fmt: skip


def main() -> None:
    """Run all wells, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nuclei", default="live-dead", help="a recipe, or 'truth'")
    parser.add_argument("--wells", type=int, default=12)
    parser.add_argument("--size", type=int, default=768)
    parser.add_argument("--count", type=int, default=55)
    parser.add_argument("--hours", type=float, default=48)
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--jitter", type=float, default=0.4)
    parser.add_argument("--speed", type=float, default=0.15)
    parser.add_argument("--missed", type=float, default=0.02, help="of true labels: share that is missed")
    parser.add_argument("--noise", type=float, default=2.0, help="of true labels: deviation of the logit, which is 4")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.wells, options.size, options.count, options.interval = 2, 512, 24, 4.0
    if options.nuclei != "truth" and options.nuclei not in list_recipes() and not Path(options.nuclei).is_file():
        parser.error(f"there is no recipe {options.nuclei!r}; try --nuclei truth")
    results = []
    for well in range(options.wells):
        started = time.perf_counter()
        results.append(follow(well_series(well, options), options, well))
        print(f"well {well + 1}: {time.perf_counter() - started:.0f} s", flush=True)
    rows = list(report(results))
    for row in [dict(zip(rows[0], rows[0], strict=True)), *rows]:
        print(*(f"{v:>14.3f}" if isinstance(v, float) else f"{v!s:>14}" for v in row.values()))
    OUT.mkdir(exist_ok=True)
    with (OUT / "accuracy_live_dead_series.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    document = {"options": vars(options), "wells": [{k: v for k, v in one.items() if k != "counts"} for one in results]}
    (OUT / "accuracy_live_dead_series.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

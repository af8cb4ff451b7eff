"""Assays made by hand for the tests of the report: what a plate, a single image, a confluency series look like."""

from __future__ import annotations

import math

import numpy as np

from granum.plate.assay import (
    Assay,
    Curve,
    Fit,
    Interval,
    Measure,
    PlateImage,
    Quality,
    Review,
    Survival,
    Well,
)

VIABILITY = Measure("viability", "Viability", "%")
NUCLEI = Measure("n_nuclei", "Nuclei", "")
CONFLUENCY = Measure("confluency", "Confluency", "%")


def wilson(k, n):
    z, p = 1.959964, k / n
    middle, half = (p + z * z / (2 * n)), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def single_image(**values):
    """One field without plate, well or time."""
    given = {"viability": 0.8, "viability_low": 0.7, "viability_high": 0.87, "n_live": 80, "n_dead": 20} | values
    return Assay("live-dead", (VIABILITY,), "frame", (PlateImage("a.tif", "a", 0, values=given),))


def plate_assay(
    rows=8, columns=12, times=(0.0, 12.0, 24.0, 36.0, 48.0), conditions=("DMSO", "drug A", "drug B"), plate=""
):
    """A live-dead series of a plate: conditions die at their own rate, wells scatter, the last well has no image."""
    random = np.random.default_rng(0)
    images, wells, curves = [], [], []
    by_condition = {}
    places = [(r, c) for r in range(1, rows + 1) for c in range(1, columns + 1)][:-1]
    for i, (row, column) in enumerate(places):
        name = conditions[i % len(conditions)]
        well = f"{chr(64 + row)}{column:02d}"
        control = {0: "negative", len(conditions) - 1: "positive"}.get(i % len(conditions), "")
        wells.append(Well(plate, well, row, column, name, str(i // len(conditions)), control, None, 1, len(times)))
        rate = 0.003 + 0.02 * (i % len(conditions))
        value, low, high, counts = [], [], [], []
        for frame, time in enumerate(times):
            n = 150 + int(random.integers(0, 60))
            live = int(random.binomial(n, 0.97 * math.exp(-rate * time)))
            ends = wilson(live, n)
            value.append(live / n)
            low.append(ends[0])
            high.append(ends[1])
            counts.append(n)
            by_condition.setdefault(name, {}).setdefault(time, []).append(live / n)
            values = {"viability": live / n, "viability_low": ends[0], "viability_high": ends[1], "n_live": live}
            values |= {"n_dead": n - live, "n_uncertain": 2, "n_nuclei": n}
            images.append(
                PlateImage(f"{well}.tif", well, frame, plate, well, "1", time, name, "", control, None, values)
            )
        curves.append(
            Curve("well", well, "viability", tuple(times), tuple(value), tuple(low), tuple(high), tuple(counts), plate)
        )
        curves.append(Curve("well", well, "n_nuclei", tuple(times), tuple(float(n) for n in counts), plate=plate))
    fits, survival = [], []
    for i, (name, found) in enumerate(by_condition.items()):
        means = [float(np.mean(found[t])) for t in times]
        half = [1.96 * float(np.std(found[t])) / math.sqrt(len(found[t])) for t in times]
        n = tuple(len(found[t]) for t in times)
        low, high = (tuple(m + s * h for m, h in zip(means, half, strict=True)) for s in (-1, 1))
        curves.append(Curve("condition", name, "viability", tuple(times), tuple(means), low, high, n))
        if len(times) > 1:
            scaled = tuple(m / means[0] for m in means)
            curves.append(Curve("condition", name, "viability_t0", tuple(times), scaled, (), (), n))
            at_risk = tuple(max(1, int(900 * m)) for m in [1.0, *means[1:]])
            alive = (1.0, *(m / means[0] for m in means[1:]))
            bands = (tuple(a - 0.02 for a in alive), tuple(min(1.0, a + 0.02) for a in alive))
            median = Interval(31.5, 30.1, 32.8) if i == 2 else Interval(None, 47.0)
            deaths = int(900 * (1 - alive[-1]))
            survival.append(Survival("condition", name, tuple(times), alive, *bands, at_risk, deaths, 40, median))
            line = tuple(np.linspace(0, times[-1], 40).tolist())
            for model, aic in (("exponential", 12.0 - i), ("linear", 30.0)):
                numbers = {"rate_per_h": Interval(-0.01, -0.02, -0.005), "doubling_time_h": Interval(70.0, 60.0)}
                fitted = tuple(0.97 * math.exp(-(0.003 + 0.02 * i) * t) for t in line)
                note = "few times" if i else ""
                fits.append(Fit("condition", name, "viability", model, numbers, aic, line, fitted, note))
    doses = tuple(np.geomspace(0.5, 4, 30).tolist())
    response = tuple(0.95 - 0.6 / (1 + (1.7 / d) ** 2) for d in doses)
    numbers = {"ec50": Interval(1.7, 1.2, 2.4), "slope": Interval(2.0, 1.1, 3.0)}
    fits.append(Fit("condition", "dose", "viability", "dose_response", numbers, None, doses, response))
    quality = (
        Quality(plate, "viability", times[-1], 0.61, 7.2, 30, 31),
        Quality(plate, "viability", times[0], None, None, 1, 1, "one well"),
    )
    why = "Half of the nuclei are between live and dead."
    review = tuple(
        Review(f"{well.well}.tif", 0, f"overlays/{well.well}.png", well.well, times[-1], 0.9 - 0.1 * i, why)
        for i, well in enumerate(wells[:4])
    )
    return Assay(
        "live-dead",
        (VIABILITY, NUCLEI),
        "h",
        tuple(images),
        tuple(wells),
        tuple(curves),
        tuple(survival),
        tuple(fits),
        quality,
        review,
        ("videos/B02.mp4",),
        ("Well H12 of the plate map has no image.",),
    )


def confluency_series(times=tuple(float(6 * i) for i in range(12)), wells=1):
    """Growth without a plate map; the wells have names that say nothing."""
    images, listed, curves, fits = [], [], [], []
    for w in range(wells):
        name = f"dish {w + 1}" if wells > 1 else ""
        value = tuple(0.9 / (1 + 12 * math.exp(-(0.1 + 0.02 * w) * t)) for t in times)
        low, high = tuple(v - 0.03 for v in value), tuple(v + 0.03 for v in value)
        for i, time in enumerate(times):
            given = {"confluency": value[i], "confluency_low": low[i], "confluency_high": high[i]}
            images.append(PlateImage("dish.tif", "dish", i, well=name, time=time, values=given))
        listed.append(Well("", name, 0, 0, "", "", "", None, 1, len(times)))
        curves.append(Curve("well", name, "confluency", times, value, low, high, (1,) * len(times)))
        if len(times) > 2:
            fits.append(
                Fit(
                    "well",
                    name,
                    "confluency",
                    "logistic",
                    {"doubling_time_h": Interval(7.1, 6.6, 7.9)},
                    -80.0,
                    times,
                    value,
                )
            )
    return Assay("confluency", (CONFLUENCY,), "h", tuple(images), tuple(listed), tuple(curves), (), tuple(fits))


def dose_plate():
    """One substance at doses 0, 1, 2 and 3, each in six wells, at one time, with its fit."""
    wells, images, curves = [], [], []
    for i in range(24):
        row, column, dose = i // 6 + 1, i % 6 + 1, float(i % 4)
        well = f"{chr(64 + row)}{column:02d}"
        value = 0.95 - 0.6 / (1 + (1.7 / dose) ** 2) if dose else 0.95
        wells.append(Well("", well, row, column, "drug", "", "", dose, 1, 1))
        images.append(PlateImage(f"{well}.tif", well, 0, well=well, dose=dose, values={"viability": value}))
        curves.append(Curve("well", well, "viability", (0.0,), (value,)))
    doses = tuple(np.geomspace(1, 3, 30).tolist())
    line = tuple(0.95 - 0.6 / (1 + (1.7 / d) ** 2) for d in doses)
    fit = Fit("condition", "drug", "viability", "dose_response", {"ec50": Interval(1.7, 1.2, 2.4)}, None, doses, line)
    return Assay("live-dead", (VIABILITY,), "h", tuple(images), tuple(wells), tuple(curves), fits=(fit,))

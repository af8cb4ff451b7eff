"""How long pixel models take to learn and to predict, family by family, beside the packages that people use.

    python benchmarks/speed/pixel_models.py             1536 x 1536, 3,000 painted pixels; about a minute on 2 cores
    python benchmarks/speed/pixel_models.py --size 1024 --painted 12000

For each family: seconds to learn, seconds from pixels to classes (features, classifier, classes), the share of the
features, and CPU seconds per megapixel of the classifier alone. On the same features in the same run: the
`predict_proba` of scikit-learn and LightGBM on all cores, where there is one for the same trees. The largest
difference of probabilities stands beside. The image is simulated: three phases under noise. Times are the best of
`--repeats`, wall clock; CPU time tells what other programs on the machine added.

Writes `bench_out/speed_pixel_models.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the process of the app

import numpy as np
from numpy.typing import NDArray

from granum.learn import (
    FAMILIES,
    ContextStage,
    FeatureSet,
    PixelClass,
    PixelModel,
    Stage,
    available_families,
    compute_features,
    fit_classifier,
    measure_intensity,
    sample_features,
)


def make_image(size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return (1, Y, X) pixels and the class index of each: three phases with rounded borders under noise."""
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(0)
    rough = gaussian_filter(random.normal(size=(size, size)), 7)
    truth = np.digitize(rough, np.quantile(rough, (0.5, 0.85))).astype(np.uint8)
    image = gaussian_filter(truth * 45.0 + 70, 0.8) + 12 * random.normal(size=truth.shape)
    return image.clip(0, 255).astype(np.uint8)[None], truth


def measure(work: Callable[[], Any], repeats: int) -> tuple[float, float, Any]:
    """Return the best wall clock and CPU seconds, and the result."""
    walls, cpus, result = [], [], None
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus), result


def baseline(classifier: Any, planes: NDArray[np.float32], labels: Any, seed: int) -> Callable[[Any], Any] | None:
    """Return `predict_proba` of the package whose trees the classifier has taken over."""
    rows = np.ascontiguousarray(planes.T)
    if classifier.family == "lightgbm":
        import lightgbm

        return lightgbm.Booster(model_str=classifier.package_text).predict
    if classifier.family in ("random_forest", "extra_trees"):
        import sklearn.ensemble as ensemble

        forests = {"random_forest": ensemble.RandomForestClassifier, "extra_trees": ensemble.ExtraTreesClassifier}
        known = classifier.settings
        model = forests[classifier.family](
            0,
            max_leaf_nodes=known["most_leaves"],
            min_samples_leaf=known["least_in_leaf"],
            max_features=known["feature_share"],
            random_state=seed,
            n_jobs=1,
            warm_start=True,
        )
        for n in range(10, known["trees"] + 10, 10):
            model.set_params(n_estimators=n)
            model.fit(rows, labels, np.ones(len(labels)))
        model.n_jobs = -1
        return model.predict_proba
    return None


def run(size: int, painted: int, repeats: int) -> dict[str, Any]:
    """Measure all families."""
    channels, truth = make_image(size)
    features = FeatureSet()
    scale = measure_intensity(channels)
    n_features, mpx = features.n_features(1), size * size / 1e6
    at = np.random.default_rng(1).choice(size * size, painted, replace=False)
    y, x = np.divmod(at, size)
    planes = sample_features(channels, features, intensity=scale, y=y, x=x)
    labels = truth[y, x]
    whole = (0, 0, size, size)
    compute_features(channels, features, intensity=scale)  # code is loaded, and memory was used once
    wall, cpu, bank = measure(lambda: compute_features(channels, features, intensity=scale, window=whole), repeats)
    flat = bank.reshape(n_features, -1)
    print(f"{size} x {size} px, {n_features} features, {painted} painted pixels")
    print(f"features: {wall:.2f} s, {cpu / mpx:.3f} CPU s/Mpx\n")
    report: dict[str, Any] = {"size": size, "painted": painted, "features_s": wall, "features_cpu_s_mpx": cpu / mpx}
    print("family              learn s   image s  autocontext  CPU s/Mpx  package s  ours s  difference  accuracy")
    classes = tuple(PixelClass(k + 1, name) for k, name in enumerate("abc"))
    columns = tuple(range(n_features))
    for family in available_families():
        fit_classifier(family, planes[:, :300].copy(), labels[:300], n_classes=3)  # compiled once per installation
        fit = partial(fit_classifier, family, planes, labels, n_classes=3)
        learn, _, classifier = measure(fit, repeats)
        shape = {
            "classes": classes,
            "n_channels": 1,
            "channel_names": (),
            "dtype": "uint8",
            "pixel_size_nm": None,
            "features": features,
            "normalisation": "image",
            "intensity": scale,
        }
        model = PixelModel(**shape, first=Stage(columns, classifier), prior=(0.5, 0.35, 0.15))
        model.predict(channels, window=(0, 0, 64, 64))
        image_s, _, found = measure(partial(model.predict, channels), repeats)
        second = fit_classifier(family, np.concatenate([planes, planes[:6]]), labels, n_classes=3)
        context = PixelModel(**shape, first=model.first, context=ContextStage(columns, second, (1.5, 5.0)))
        context_s, _, _ = measure(partial(context.predict, channels), 1)
        ours, cpu, mine = measure(partial(classifier.probabilities, flat), repeats)
        row = {"learn_s": learn, "image_s": image_s, "context_s": context_s, "cpu_s_mpx": cpu / mpx, "ours_s": ours,
               "accuracy": float((found.classes == truth + 1).mean())}  # fmt: skip
        other = baseline(classifier, planes, labels, 0)
        beside = " " * 10 + f"{ours:8.2f}" + " " * 12
        if other is not None:
            rows = np.ascontiguousarray(flat.T)
            row["package_s"], _, theirs = measure(partial(other, rows), 1)
            row["difference"] = float(np.abs(theirs.T - mine).max())
            beside = f"{row['package_s']:10.2f}{ours:8.2f}{row['difference']:12.1e}"
        print(f"{FAMILIES[family].name:18}{learn:9.2f}{image_s:10.2f}{context_s:13.2f}{cpu / mpx:11.3f} {beside}"
              f"{row['accuracy']:10.3f}", flush=True)  # fmt: skip
        report[family] = row
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1536)
    parser.add_argument("--painted", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    report = run(arguments.size, arguments.painted, arguments.repeats)
    out = Path("bench_out")
    out.mkdir(exist_ok=True)
    (out / "speed_pixel_models.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

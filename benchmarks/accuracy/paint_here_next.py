"""How many strokes does "paint here next" save? A person who follows it, and one who paints anywhere.

    python benchmarks/accuracy/paint_here_next.py            five seeds, three sets (about 10 minutes on one core)
    python benchmarks/accuracy/paint_here_next.py --quick    one seed, nickel superalloy

Four images may be painted. Both persons begin with the same stroke of every class on one of them; in every round each
adds a stroke, and the first model learns anew. `random` paints at a pixel drawn evenly from the four images, `next` at
the first place of `suggest_strokes`. Both paint the true class there: the longest of four walks of up to 60 px that
stay in the class, 3 px wide. The score is the mean IoU on pixels of four unseen images. The target is what `random` has
after 40 strokes (mean of the last five); a person is there when the mean of three rounds is. Curves are averaged over
seeds first, as single models are noisy; intervals are of a bootstrap over seeds, and a person who does not get there
within 40 strokes counts as more than 40. Prints a table and writes `bench_out/paint_here_next.json`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from data_sets import SHARED
from numpy.typing import NDArray
from scribbles import SETS, load_set

from granum.learn.class_prior import apply_prior
from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import map_features
from granum.learn.known_pixels import KnownPixels
from granum.learn.pixel_classifier import fit_first_model
from granum.learn.place_candidates import find_candidates, map_painted
from granum.learn.scribbles import PixelClass, make_scribbles
from granum.learn.stroke_places import suggest_strokes
from granum.learn.training_data import TrainingImage, gather_training_data

OUT = Path("bench_out")
N_PAINTED, N_UNSEEN, N_TEST, N_PLACES = 4, 4, 3000, 512
ROUNDS = 40


def load(name: str) -> tuple[list[NDArray[Any]], list[NDArray[np.uint8]]]:
    """Return images and classes 1..K."""
    if name in SETS:
        return load_set(name)[1:]
    from granum.samples import simulate_phases

    # the light and the levels differ from image to image, and specks are rare
    made = [
        simulate_phases(size=512, seed=seed, speck_share=0.02, contrast=0.8, level_change=1.0, uneven_light=0.3)
        for seed in range(9)
    ]
    return [one.image for one in made], [one.classes for one in made]


class Person:
    """Paints four images, and has a model of what is painted."""

    def __init__(self, images: list[NDArray[Any]], classes: list[NDArray[np.uint8]], seed: int) -> None:
        order = [int(one) for one in np.random.default_rng(seed).permutation(len(images))]
        self.images = [images[at] for at in order[:N_PAINTED]]
        self.classes = [classes[at] for at in order[:N_PAINTED]]
        self.unseen = [(images[at], classes[at]) for at in order[N_PAINTED : N_PAINTED + N_UNSEEN]]
        self.names = tuple(PixelClass(one, f"class {one}") for one in range(1, 1 + max(int(c.max()) for c in classes)))
        self.known = KnownPixels(2 << 30)
        self.tests = [self._test(number) for number in range(len(self.unseen))]
        self.begin(seed)

    def begin(self, seed: int) -> None:
        """Paint one stroke of every class on the image with most classes."""
        self.rng = np.random.default_rng(1000 + seed)
        self.painted = [np.zeros(one.shape, np.uint8) for one in self.classes]
        self.strokes = [np.zeros(one.shape, np.int32) for one in self.classes]
        self.n = 0
        first = max(range(N_PAINTED), key=lambda at: (len(np.unique(self.classes[at])), -at))
        for one in np.unique(self.classes[first][self.classes[first] > 0]):
            own = (self.classes[first] == one).astype(np.uint8)
            inner = cv2.erode(own, np.ones((3, 3), np.uint8))
            start = np.flatnonzero(inner if inner.sum() > 50 else own)
            self.paint(first, *divmod(int(self.rng.choice(start)), own.shape[1]))

    def paint(self, at: int, y: int, x: int) -> None:
        """Paint the true class from a pixel on."""
        own = self.classes[at] == self.classes[at][y, x]
        walk = max((self._walk(own, y, x) for _ in range(4)), key=len)
        stroke = np.zeros(own.shape, np.bool_)
        for row, column in walk:
            stroke[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = True
        stroke &= own
        self.n += 1
        self.painted[at][stroke], self.strokes[at][stroke] = self.classes[at][y, x], self.n

    def _walk(self, own: NDArray[np.bool_], y: float, x: float) -> list[tuple[int, int]]:
        found, angle = [(int(y), int(x))], self.rng.uniform(0, 2 * np.pi)
        y, x = y + 0.5, x + 0.5
        for _ in range(60):
            angle += self.rng.normal(0, 0.25)
            y, x = y + np.sin(angle), x + np.cos(angle)
            row, column = int(np.floor(y)), int(np.floor(x))
            if not (0 <= row < own.shape[0] and 0 <= column < own.shape[1]) or not own[row, column]:
                break
            found.append((row, column))
        return found

    def learn(self) -> float:
        """Fit the first model to what is painted, and return its mean IoU on unseen images."""
        self.given = [
            TrainingImage(
                f"painted {at}",
                image[None],
                make_scribbles(painted, name=f"painted {at}", strokes=strokes) if painted.any() else None,
            )
            for at, (image, painted, strokes) in enumerate(zip(self.images, self.painted, self.strokes, strict=True))
        ]
        self.data = gather_training_data(self.given, self.names, n_sample=4096, cache=self.known)
        self.model = fit_first_model(self.data)
        ids = np.array([one.id for one in self.model.classes])
        joint = np.zeros((len(self.names) + 1,) * 2)
        for features, scale, truth in self.tests:
            if self.model.normalisation == "training":
                features = map_features(features, self.data.names, old=scale, new=self.model.intensity)
            found = self.model.first.classifier.probabilities(np.ascontiguousarray(features))
            np.add.at(joint, (truth, ids[apply_prior(found, np.asarray(self.model.prior)).argmax(axis=0)]), 1)
        hit, union = np.diag(joint), joint.sum(0) + joint.sum(1) - np.diag(joint)
        return float((hit[1:] / np.maximum(union[1:], 1)).mean())

    def _test(self, number: int) -> tuple[NDArray[np.float32], Any, NDArray[np.uint8]]:
        image, classes = self.unseen[number]
        at = np.random.default_rng(number).choice(np.flatnonzero(classes), N_TEST, replace=False)
        y, x = (one.astype(np.int32) for one in np.divmod(at, image.shape[1]))
        key = (f"unseen {number}", image[None], None)
        return self.known.features(*key, features=FeatureSet(), y=y, x=x), self.known.intensity(*key), classes[y, x]

    def choose(self, way: str) -> tuple[int, int, int]:
        """Return image, row and column of the next stroke."""
        if way == "next":
            places = suggest_strokes(
                find_candidates(self.model, self.given, n=N_PLACES, cache=self.known),
                [one.id for one in self.model.classes],
                painted=map_painted(self.model, self.data),
                scribbles=[one.scribbles for one in self.given],
                most=1,
            )
            if places and self.classes[places[0].image][int(places[0].y), int(places[0].x)]:
                return places[0].image, int(places[0].y), int(places[0].x)
        while True:
            at = int(self.rng.integers(N_PAINTED))
            y, x = (int(self.rng.integers(side)) for side in self.classes[at].shape)
            if self.classes[at][y, x]:
                return at, y, x


def needed(curve: NDArray[np.float64], target: float) -> float:
    """Return after how many strokes the mean of three rounds reaches the target; one more than all when never."""
    means = np.convolve(curve, np.full(3, 1 / 3), "valid")
    reached = np.flatnonzero(means >= target)
    return float(reached[0] + 2) if reached.size else float(len(curve))


def summarise(curves: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Return strokes to the same mean IoU, and their ratio with its interval; curves are (seeds, rounds)."""

    def ratio(seeds: NDArray[np.int64]) -> tuple[float, float, float, float]:
        random, guided = curves["random"][seeds].mean(axis=0), curves["next"][seeds].mean(axis=0)
        target = float(random[-5:].mean())
        strokes = needed(random, target), needed(guided, target)
        return (target, *strokes, strokes[1] / strokes[0])

    n = len(curves["random"])
    rng = np.random.default_rng(0)
    drawn = [ratio(rng.integers(0, n, n))[3] for _ in range(1000)]
    target, by_random, by_next, share = ratio(np.arange(n))
    low, high = np.percentile(drawn, (2.5, 97.5), method="nearest")
    return {
        "target": round(target, 3), "random": by_random, "next": by_next, "ratio": round(share, 2),
        "interval": [round(float(low), 2), round(float(high), 2)], "to 40": round(by_next / ROUNDS, 2),
        "miou after": {
            way: {at: round(float(one[:, at].mean()), 3) for at in (0, 5, 10, 20, 30, 40)}
            for way, one in curves.items()
        },
    }  # fmt: skip


def main() -> None:
    """Run what was asked for, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="ni_superalloy,sandstone,simulated")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    sets, n_seeds = (["ni_superalloy"], 1) if given.quick else (given.sets.split(","), given.seeds)
    table: dict[str, Any] = {}
    for name in sets:
        if name in SETS and not (SHARED / "data").exists():
            print(f"{name}: not measured, {SHARED / 'data'} is not there.")
            continue
        images, classes = load(name)
        curves: dict[str, list[list[float]]] = {"random": [], "next": []}
        for seed in range(n_seeds):
            person = Person(images, classes, seed)
            for way in curves:
                person.begin(seed)
                curve = [person.learn()]
                for _ in range(ROUNDS):
                    person.paint(*person.choose(way))
                    curve.append(person.learn())
                curves[way].append(curve)
            print(f"# {name} seed {seed} done", flush=True)
        table[name] = {
            **summarise({way: np.array(one) for way, one in curves.items()}),
            "curves": {way: np.round(one, 4).tolist() for way, one in curves.items()},
        }
        print(name, {key: value for key, value in table[name].items() if key != "curves"}, flush=True)
    OUT.mkdir(exist_ok=True)
    (OUT / "paint_here_next.json").write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()

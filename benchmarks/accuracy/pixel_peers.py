"""What people use today to learn pixel classes from strokes, built from public descriptions and named "-like".

Each is features + a forest: scikit-image's gallery recipe as it stands there; ilastik-like is its default filters at
its seven scales with 100 trees; Weka-like is Gaussian, Sobel, Hessian, difference of Gaussians and membrane projections
at 1 to 16 px with 200 trees that see two features at a split. None of them is the product itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["PEERS", "Peer"]

Planes = NDArray[np.float32]


class Peer:
    """Features and a forest; fit on painted images, predict classes 1..K."""

    def __init__(self, features: Callable[[NDArray[Any]], Planes], forest: Callable[[int], Any]) -> None:
        self._features, self._forest = features, forest

    def fit(self, images: Sequence[NDArray[Any]], painted: Sequence[NDArray[np.uint8]], *, seed: int) -> None:
        """Learn from the painted pixels, each counted once."""
        x = np.concatenate([self._features(image)[mask > 0] for image, mask in zip(images, painted, strict=True)])
        y = np.concatenate([mask[mask > 0] for mask in painted])
        self._model = self._forest(seed).fit(x, y)

    def predict(self, image: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the class of every pixel."""
        planes = self._features(image)
        return np.asarray(self._model.predict(planes.reshape(-1, planes.shape[-1])), np.uint8).reshape(image.shape)


def _skimage_features(image: NDArray[Any]) -> Planes:
    from skimage.feature import multiscale_basic_features

    return np.asarray(
        multiscale_basic_features(image, intensity=True, edges=False, texture=True, sigma_min=1, sigma_max=16)
    )


def _skimage_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=50, n_jobs=-1, max_depth=10, max_samples=0.05, random_state=seed)


def _derivatives(image: Planes, sigma: float) -> dict[str, Planes]:
    """Return Gaussian, gradient and Hessian of an image at a scale."""
    smooth = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    sobel = partial(cv2.Sobel, ddepth=cv2.CV_32F, scale=0.125)
    dx, dy = sobel(smooth, dx=1, dy=0), sobel(smooth, dx=0, dy=1)
    dxx, dxy, dyy = sobel(dx, dx=1, dy=0), sobel(dx, dx=0, dy=1), sobel(dy, dx=0, dy=1)
    return {"g": smooth, "dx": dx, "dy": dy, "dxx": dxx, "dxy": dxy, "dyy": dyy}


def _eigenvalues(a: Planes, b: Planes, c: Planes) -> list[Planes]:
    middle, half = (a + c) / 2, np.sqrt(((a - c) / 2) ** 2 + b * b)
    return [middle + half, middle - half]


def _ilastik_like_features(image: NDArray[Any]) -> Planes:
    plane = image.astype(np.float32)
    found = [cv2.GaussianBlur(plane, (0, 0), 0.3)]
    for sigma in (0.7, 1.0, 1.6, 3.5, 5.0, 10.0):
        at = _derivatives(plane, sigma)
        wide = partial(cv2.GaussianBlur, ksize=(0, 0), sigmaX=sigma / 2, borderType=cv2.BORDER_REFLECT)
        found += [
            at["g"], at["dxx"] + at["dyy"], np.hypot(at["dx"], at["dy"]),
            at["g"] - cv2.GaussianBlur(plane, (0, 0), 0.66 * sigma, borderType=cv2.BORDER_REFLECT),
            *_eigenvalues(wide(at["dx"] ** 2), wide(at["dx"] * at["dy"]), wide(at["dy"] ** 2)),
            *_eigenvalues(at["dxx"], at["dxy"], at["dyy"]),
        ]  # fmt: skip
    return np.stack(found, axis=-1)


def _ilastik_like_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=100, n_jobs=-1, random_state=seed)


def _membrane_projections(plane: Planes) -> list[Planes]:
    """Return sum, mean, deviation, median, maximum and minimum of a line filter of 19 px in 30 directions."""
    kernel = np.zeros((19, 19), np.float32)
    kernel[:, 9] = 1
    turned = [
        cv2.filter2D(plane, cv2.CV_32F, cv2.warpAffine(kernel, cv2.getRotationMatrix2D((9, 9), angle, 1), (19, 19)))
        for angle in range(0, 180, 6)
    ]
    stack = np.stack(turned)
    found = [stack.sum(0), stack.mean(0), stack.std(0), np.median(stack, 0), stack.max(0), stack.min(0)]
    return [part.astype(np.float32) for part in found]


def _weka_like_features(image: NDArray[Any]) -> Planes:
    plane = image.astype(np.float32)
    smooth = {sigma: cv2.GaussianBlur(plane, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0, 8.0, 16.0)}
    found = [plane, *_membrane_projections(plane)]
    for sigma in (0.0, *smooth):
        at = _derivatives(plane, max(sigma, 0.1))
        a, b, c = at["dxx"], at["dxy"], at["dyy"]
        module = np.sqrt(a * a + b * b + c * c)
        found += [np.hypot(at["dx"], at["dy"]), module, a + c, a * c - b * b, *_eigenvalues(a, b, c)]
    found += list(smooth.values())
    found += [smooth[a] - smooth[b] for a in smooth for b in smooth if a > b]
    return np.stack(found, axis=-1).astype(np.float32)


def _weka_like_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=200, max_features=2, n_jobs=-1, random_state=seed, oob_score=True)


class WekaLike(Peer):
    """Weka-like, which also tells the out-of-bag accuracy that the plug-in shows."""

    @property
    def reported(self) -> float:
        """Accuracy on the pixels that a tree has not seen (their neighbours in the same stroke it has)."""
        return float(self._model.oob_score_)


PEERS: dict[str, Callable[[], Peer]] = {
    "skimage": lambda: Peer(_skimage_features, _skimage_forest),
    "ilastik-like": lambda: Peer(_ilastik_like_features, _ilastik_like_forest),
    "weka-like": lambda: WekaLike(_weka_like_features, _weka_like_forest),
}

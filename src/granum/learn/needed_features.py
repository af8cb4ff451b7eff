"""`needed_features`: the part of a bank that some columns of it need: no scale is computed for nothing."""

from __future__ import annotations

from collections.abc import Iterable

from granum.learn.feature_set import FeatureSet

__all__ = ["needed_features"]


def needed_features(features: FeatureSet, n_channels: int, columns: Iterable[int]) -> tuple[FeatureSet, dict[int, int]]:
    """Return the smallest feature set that holds some columns of another, and where each stands in it.

    Parameters
    ----------
    features : FeatureSet
        The bank.
    n_channels : int
        Number of channels.
    columns : iterable of int
        Planes of the bank.

    Returns
    -------
    needed : FeatureSet
        Scales and kinds of which at least one plane is asked for; the pixel where nothing is.
    place : dict of int to int
        Column of the bank -> plane of `needed`. A feature has the same bytes in every set.
    """
    names = features.names(n_channels)
    wanted = sorted(set(columns))
    words = [names[column].split() for column in wanted]
    parts = {word[1] for word in words if len(word) == 3}
    scales = {word[2] for word in words if len(word) == 3 and word[1] != "pixel"}
    sigmas = tuple(sigma for sigma in features.sigmas if f"{sigma:g}" in scales)
    kinds = tuple(
        kind
        for kind in features.kinds
        if parts & {name.split()[1] for name in FeatureSet((1.0,), (kind,), pixel=False).names()}
    )
    position = any(len(word) == 1 for word in words)
    needed = FeatureSet(sigmas, kinds, "pixel" in parts or not (position or (sigmas and kinds)), position)
    new = {name: place for place, name in enumerate(needed.names(n_channels))}
    return needed, {column: new[names[column]] for column in wanted}

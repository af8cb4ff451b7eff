"""What is expected of a track before it is looked at, and what its frames say: the model behind `find_death_times`.

A track of n frames has n + 1 hypotheses: dead from frame 0, 1, ... n - 1 on, or never. Three numbers are found from all
tracks together, by turns with the posteriors: which share starts dead, which share of the living dies per frame, and in
which share of the frames even a sure judgement is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rates", "find_rates", "posterior_of", "weigh_frames"]

Series = tuple[NDArray[Any], NDArray[np.float64]]
_ROUNDS, _TURNS = 4, 3
_SURE = 0.9
_DYING = 0.2  # of the last frame alive and the first one dead: dying takes time, so they may be judged either way
_FEWEST_WRONG, _MOST_WRONG = 0.002, 0.1


@dataclass(frozen=True)
class Rates:
    """Share of tracks that start dead, of the living that die per frame, and of sure judgements that are wrong."""

    start_dead: float = 0.1
    dying: float = 0.02
    wrong: float = 0.01


def weigh_frames(frames: NDArray[Any], p_dead: NDArray[np.float64], wrong: float) -> NDArray[np.float64]:
    """Return the log-likelihood of each hypothesis: k: dead from the k-th frame on; the last one: never.

    Parameters
    ----------
    frames : (n,) ndarray of int
        Ascending; frames between them, in which the nucleus was missed, are hypotheses too.
    p_dead : (n,) ndarray of float64
        NaN where it is not known.
    wrong : float
        Share of sure judgements that are wrong.
    """
    n = int(frames[-1] - frames[0]) + 1
    known = np.isfinite(p_dead)
    place = frames[known] - frames[0]
    dead, alive, dying = np.zeros(n), np.zeros(n), np.zeros((2, n))
    for trust, (of_dead, of_alive) in ((wrong, (dead, alive)), (max(wrong, _DYING), dying)):
        p = trust + (1 - 2 * trust) * p_dead[known]
        of_dead[place], of_alive[place] = np.log(p), np.log1p(-p)
    score = np.append(np.cumsum(dead[::-1])[::-1], 0.0) + np.append(0.0, np.cumsum(alive))
    score[1:n] += dying[1, : n - 1] - alive[: n - 1] + dying[0, 1:] - dead[1:]
    return np.asarray(score)


def posterior_of(score: NDArray[np.float64], start_dead: float, dying: float) -> NDArray[np.float64]:
    """Return the probability of each hypothesis, given its log-likelihood."""
    n = len(score) - 1
    waiting = np.log1p(-start_dead) + np.arange(n) * np.log1p(-dying)
    prior = np.concatenate([[np.log(start_dead)], waiting[: n - 1] + np.log(dying), waiting[n - 1 :]])
    share = np.exp(score + prior - (score + prior).max())
    return np.asarray(share / share.sum())


def find_rates(
    series: Sequence[Series], parents: NDArray[Any], wrong: float = 0.0
) -> tuple[Rates, list[NDArray[np.float64]]]:
    """Return the rates of all tracks together, and the log-likelihoods of each track with them.

    Parameters
    ----------
    series : sequence of (frames, p_dead)
        Of each track.
    parents : (n,) ndarray of int
        Track that divided into each, 0 for none: only those tell which share starts dead.
    wrong : float
        Share of sure judgements that are wrong; 0 finds it.
    """
    rates = Rates(wrong=wrong or Rates.wrong)
    for _ in range(1 if wrong else _TURNS):
        scores = [weigh_frames(frames, p_dead, rates.wrong) for frames, p_dead in series]
        for _ in range(_ROUNDS):
            rates = _count(scores, parents, rates)
        if not wrong:
            rates = Rates(rates.start_dead, rates.dying, _count_wrong(series, scores, rates))
    return rates, [weigh_frames(frames, p_dead, rates.wrong) for frames, p_dead in series]


def _count(scores: Sequence[NDArray[np.float64]], parents: NDArray[Any], rates: Rates) -> Rates:
    dead = deaths = exposed = 0.0
    for score, parent in zip(scores, parents, strict=True):
        share = posterior_of(score, rates.start_dead, rates.dying)
        n = len(share) - 1
        dead += float(share[0]) * (parent == 0)
        deaths += float(share[1:n].sum())
        exposed += float(share[1:] @ np.append(np.arange(1, n), n - 1))
    orphans = int(np.count_nonzero(parents == 0))
    # as if 10 tracks and 50 frames more had been seen, so that few tracks claim nothing extreme
    return Rates((dead + 1) / (orphans + 10), (deaths + 1) / (exposed + 50), rates.wrong)


def _count_wrong(series: Sequence[Series], scores: Sequence[NDArray[np.float64]], rates: Rates) -> float:
    wrong, sure = 1.0, 100.0
    for (frames, p_dead), score in zip(series, scores, strict=True):
        share = posterior_of(score, rates.start_dead, rates.dying)
        is_dead = np.cumsum(share[:-1])[frames - frames[0]]
        settled = np.abs(is_dead - 0.5) >= 0.45  # not the frames of the step itself
        yes, no = settled & (p_dead >= _SURE), settled & (p_dead <= 1 - _SURE)
        wrong += float((1 - is_dead[yes]).sum() + is_dead[no].sum())
        sure += int(yes.sum() + no.sum())
    return float(np.clip(wrong / sure, _FEWEST_WRONG, _MOST_WRONG))

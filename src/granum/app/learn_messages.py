"""Messages about learning from strokes: live predictions, the search, models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from granum.app.messages import Identifier, Message, Name
from granum.app.paint_messages import ClassInfo
from granum.app.recipe_messages import LayerInfo

__all__ = [
    "ClassScore",
    "LearnError",
    "LearnLook",
    "LearnPrediction",
    "LearnState",
    "ModelInfo",
    "ModelRequest",
    "PaintedPlane",
    "ScoreReport",
    "SearchRequest",
    "SearchState",
    "Suggestion",
    "TrialInfo",
]

LearnFrom = Annotated[str, Field(max_length=200)]


class PaintedPlane(Message):
    """A plane with strokes: what is learnt from."""

    image: Identifier
    name: str
    t: int
    z: int
    n_strokes: int
    areas: dict[int, int]
    """Class -> painted pixels."""


class TrialInfo(Message):
    """One pipeline that the search tried."""

    number: int
    description: str
    """Such as "LightGBM, sigma 0.7 to 10, autocontext"."""
    family: str
    state: Literal["done", "pruned", "failed"]
    miou: float | None = None
    low: float | None = None
    high: float | None = None
    seconds: float
    seconds_per_mpx: float | None = None
    is_best: bool = False


class ClassScore(Message):
    """Scores of one class on what the model had not seen."""

    class_id: int
    name: str
    iou: float
    precision: float
    recall: float
    n_px: int
    """Painted pixels that it was tested on."""
    n_strokes: int


class ScoreReport(Message):
    """How good a model is, on what it had not seen."""

    method: str
    """One sentence: what was left out, and what the score speaks for."""
    miou: float
    low: float
    high: float
    """95 % interval."""
    per_class: list[ClassScore]
    confusion: list[list[float]]
    """Row = true class, column = predicted; shares of all pixels of the true class."""
    learning_curve: list[tuple[int, float]]
    """(Painted pixels, mIoU); ascending."""
    importance: list[tuple[str, float]]
    """(Feature, share), the largest first."""
    warnings: list[str]


class SearchState(Message):
    """The search that runs, or the last one."""

    id: str
    state: Literal["running", "done", "stopped", "failed"]
    budget_s: float
    elapsed_s: float
    n_trials: int
    stage: str = ""
    """What it does now, for people."""
    leaderboard: list[TrialInfo] = []
    """The best first, at most 50."""
    report: ScoreReport | None = None
    """Of the best so far."""
    message: str = ""
    """Why it failed, or what the user should know."""
    strokes: str = ""
    """Digest of the strokes that it searches on."""
    is_older: bool = False
    """Whether the strokes have changed since."""


class ModelInfo(Message):
    """A saved model of the project."""

    name: Name
    path: str
    """What a recipe's setting `segment.learned.model` takes."""
    sha256: str
    description: str
    classes: list[ClassInfo]
    n_channels: int
    n_images: int
    """That it learnt from."""
    n_strokes: int
    miou: float | None
    low: float | None
    high: float | None
    n_bytes: int
    saved_at: str
    problem: str = ""
    """Why it cannot be used."""
    strokes: str = ""
    """Digest of the strokes that it has learnt from; empty when the model does not tell."""
    is_older: bool = False
    """Whether it has learnt from other strokes than those that are painted now."""


class LearnState(Message):
    """Everything about learning in this project; also sent as the message `learn` whenever it changes."""

    painted: list[PaintedPlane]
    problem: str = ""
    """Why nothing can be learnt yet (one class only, nothing painted); for people."""
    notes: list[str] = []
    live: str = ""
    """Description of the live model."""
    search: SearchState | None = None
    models: list[ModelInfo] = []


class LearnLook(Message):
    """What a page looks at: predict this first. Sent by the page over the socket; the newest of a client wins."""

    type: Literal["learn_look"] = "learn_look"
    request: int
    on: bool = True
    image: Identifier = "0"
    t: Annotated[int, Field(ge=0)] = 0
    z: Annotated[int, Field(ge=0)] = 0
    view: Annotated[list[int], Field(min_length=4, max_length=4)] = [0, 0, 0, 0]
    """[y0, x0, y1, x1] in pixels of the full image."""
    model: LearnFrom = "live"
    """"live", "search" (its best so far), or "model:NAME"."""


class Suggestion(Message):
    """Where one more stroke helps most."""

    y: float
    x: float
    radius: float
    class_ids: list[int]
    """Classes between which the model hesitates there."""
    reason: str


class LearnPrediction(Message):
    """The socket message `learn_prediction`: a prediction begins, has gone on, or is complete."""

    request: int
    key: str
    """Of this model on this plane; tiles of another key are another prediction."""
    image: Identifier
    t: int
    z: int
    model: str
    classes: LayerInfo
    uncertainty: LayerInfo
    """Kind "image", 0 = sure, 65535 = unsure."""
    ready: list[list[int]]
    """Windows [y0, x0, y1, x1] that have become ready since the last message of this key to this page."""
    complete: bool
    """Nothing more comes. Of images over 64 megapixels only the view is predicted."""
    areas: dict[int, int]
    """Class -> predicted pixels, once all of the plane is predicted; empty before."""
    suggestions: list[Suggestion]
    """Once complete."""
    seconds: float
    """Since the request (the stroke) came."""
    notes: list[str] = []
    """What the user must know about this model on this image, such as another pixel size."""


class LearnError(Message):
    """The socket message `learn_error`: what was looked at cannot be predicted; look again, or paint on.

    Codes as for previews; "crashed" when the process that learns has died, and the next look starts it anew. That
    nothing can be learnt yet is no error, but `LearnState.problem`.
    """

    request: int
    code: str
    message: str


class SearchRequest(Message):
    """Start a search on everything that is painted."""

    budget_s: Annotated[float, Field(ge=1, le=86_400, allow_inf_nan=False)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class ModelRequest(Message):
    """Keep a model in the project under a name."""

    name: Name
    model: Literal["live", "search"]

"""The video of one field: its frames read again from the images, with the classes of the run, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granum.batch.class_files import class_file
from granum.batch.item import Item, open_channels
from granum.image import PixelSize
from granum.input_layers import read_layers
from granum.learn.scribbles import PixelClass

if TYPE_CHECKING:
    from granum.report.video_panels import VideoFrame

__all__ = ["VideoJob", "write_series_video"]

_STAINS = ("live", "dead")


@dataclass(frozen=True)
class VideoJob:
    """A field to show.

    Parameters
    ----------
    path : Path
        The film, without its ending.
    items : tuple of (Item, float)
        Its frames with their times, in order.
    time_unit : str
        "h" or "frame".
    pixel_size : PixelSize or None
        For the scale bar.
    classes : tuple of PixelClass
        Names and colours of the classes.
    """

    path: Path
    items: tuple[tuple[Item, float], ...]
    time_unit: str
    pixel_size: PixelSize | None
    classes: tuple[PixelClass, ...]


def write_series_video(job: VideoJob) -> str:
    """Write the video of a field and return the name of its file; called in the workers.

    Raises
    ------
    GranumError
        When an image cannot be read any more, or the film cannot be written.
    """
    from granum.report.video import write_assay_video

    frames = _Frames(job)
    # a role without a stain of its own is called as it always is
    names = {role: name for role, name in frames.stains().items() if name != role}
    film = write_assay_video(
        job.path, frames, time_unit=job.time_unit, pixel_size=job.pixel_size, names=names, legend=job.classes
    )
    return film.name


class _Frames:
    """Frames of a series by number; only the one that is asked for is read."""

    def __init__(self, job: VideoJob) -> None:
        self._items = job.items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int, /) -> VideoFrame:
        import tifffile

        from granum.report.video_panels import VideoFrame

        item, time = self._items[index]
        planes: dict[str, Any] = {}
        for layer, plane in self._layers(item).items():
            role = layer.removeprefix("channel.")
            if layer == "image" or layer.startswith("channel."):
                planes.setdefault(role if role in _STAINS else "brightfield", plane)
        file = class_file(item.items / item.key)
        return VideoFrame(time, **planes, classes=tifffile.imread(file) if file.exists() else None)

    def stains(self) -> Mapping[str, str]:
        """Return role -> name of its stain, as the first frame has them."""
        return dict(self._layers(self._items[0][0]).get("stains") or {})

    def _layers(self, item: Item) -> dict[str, Any]:
        image, channels = open_channels(item)
        return read_layers(item.recipe, image, channels, item.frame, item.reading.z)[0]

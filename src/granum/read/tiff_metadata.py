"""What a TIFF says about its pixels: OME-XML, ImageJ, Zeiss and FEI tags, and why resolution tags are not believed.

XResolution/YResolution with ResolutionUnit inch or cm describe printing in nearly every file (72, 96 or 300 dpi), so
they alone never become a pixel size; where they would mean less than 10 µm per pixel, a note tells what they say.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from granum.image import PixelSize
from granum.read.pixel_size import pixel_size_from_file

__all__ = ["TiffFacts", "read_facts"]

_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "min": 60.0, "h": 3600.0}
_FINEST_PRINT_UM = 10.0


@dataclass
class TiffFacts:
    """What was found beside the pixels."""

    format: str = "TIFF"
    pixel_size: PixelSize | None = None
    channel_names: tuple[str, ...] = ()
    frame_times_s: tuple[float, ...] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def read_facts(
    tif: Any, index: int, description: str, sizes: dict[str, int], notes: list[str], *, is_ome: bool
) -> TiffFacts:
    """Return the facts of series `index`, from the most trustworthy source that the file has."""
    page = tif.series[index].keyframe
    if is_ome:
        return _ome(description, index, sizes, notes)
    if tif.is_imagej:
        return _imagej(tif.imagej_metadata or {}, page, sizes, notes)
    if tif.is_sem:
        return _zeiss(tif.sem_metadata or {}, notes)
    if tif.is_fei:
        return _fei(tif.fei_metadata or {}, notes)
    _note_resolution(page, notes)
    return TiffFacts("BigTIFF" if tif.is_bigtiff else "TIFF")


def _ome(xml: str, index: int, sizes: dict[str, int], notes: list[str]) -> TiffFacts:
    facts = TiffFacts("OME-TIFF")
    root = ElementTree.fromstring(xml)
    images = [element for element in root if _local(element) == "Image"]
    if index >= len(images):
        return facts
    pixels = next((element for element in images[index] if _local(element) == "Pixels"), None)
    if pixels is None:
        return facts
    about = pixels.attrib
    if "PhysicalSizeX" in about:
        facts.pixel_size = _ome_size(about, notes)
    else:
        notes.append("The OME metadata gives no pixel size.")
    channels = [element for element in pixels if _local(element) == "Channel"]
    names = tuple(channel.get("Name", f"channel {i}") for i, channel in enumerate(channels))
    if len(names) == sizes.get("C", 1) and any("Name" in channel.attrib for channel in channels):
        facts.channel_names = names
    facts.frame_times_s = _ome_times(pixels, sizes.get("T", 1))
    return facts


def _ome_size(about: dict[str, str], notes: list[str]) -> PixelSize | None:
    unit_x, unit_y = about.get("PhysicalSizeXUnit", "µm"), about.get("PhysicalSizeYUnit", "µm")
    if "PhysicalSizeY" not in about:
        notes.append("The OME metadata gives the width of a pixel only; it was taken for the height too.")
        return pixel_size_from_file(about["PhysicalSizeX"], about["PhysicalSizeX"], unit_x, notes, where="OME metadata")
    if unit_x != unit_y:
        notes.append(f"The OME metadata gives x in {unit_x!r} and y in {unit_y!r}; the pixel size was dropped.")
        return None
    return pixel_size_from_file(about["PhysicalSizeY"], about["PhysicalSizeX"], unit_x, notes, where="OME metadata")


def _ome_times(pixels: ElementTree.Element, n_frames: int) -> tuple[float, ...] | None:
    """Return the times of the planes of channel 0, z 0, or multiples of the increment."""
    if n_frames < 2:
        return None
    times: dict[int, float] = {}
    for plane in pixels:
        where = plane.attrib
        if _local(plane) == "Plane" and "DeltaT" in where and where.get("TheC") == where.get("TheZ") == "0":
            times[int(where["TheT"])] = float(where["DeltaT"]) * _SECONDS.get(where.get("DeltaTUnit", "s"), math.nan)
    found = [times.get(t, math.nan) for t in range(n_frames)]
    if not all(map(math.isfinite, found)):
        step = float(pixels.get("TimeIncrement", "nan")) * _SECONDS.get(pixels.get("TimeIncrementUnit", "s"), math.nan)
        found = [t * step for t in range(n_frames)]
    rises = all(map(math.isfinite, found)) and all(a < b for a, b in pairwise(found))
    return tuple(found) if rises else None


def _imagej(about: dict[str, Any], page: Any, sizes: dict[str, int], notes: list[str]) -> TiffFacts:
    facts = TiffFacts("ImageJ TIFF")
    unit = str(about.get("unit", "")).strip()
    y, x = _per_pixel(page)
    # a print resolution that ImageJ carried along, not a measurement
    printed = unit.lower() in ("inch", "inches", "in") or (unit.lower() == "cm" and y and y * 1e4 > _FINEST_PRINT_UM)
    if not unit or unit.lower() in ("pixel", "pixels"):
        notes.append("ImageJ gives no pixel size.")
    elif printed or not (y and x):
        notes.append(f"ImageJ gives a pixel size in {unit!r}, which is a print resolution; it was not taken.")
    else:
        facts.pixel_size = pixel_size_from_file(y, x, unit, notes, where="the ImageJ metadata")
    n_channels, n_frames = sizes.get("C", 1), sizes.get("T", 1)
    labels = [str(label) for label in about.get("Labels", [])[:n_channels]] if n_channels > 1 else []
    if len(labels) == n_channels == len(set(labels)):
        facts.channel_names = tuple(labels)
    step = _number(about.get("finterval"))
    if step is None and (_number(about.get("fps")) or 0) > 0:
        step = 1 / float(about["fps"])
    factor = _SECONDS.get(str(about.get("tunit", "s")).strip(), 1.0)
    if n_frames > 1 and step is not None and step > 0:
        facts.frame_times_s = tuple(t * step * factor for t in range(n_frames))
    return facts


def _zeiss(about: dict[str, Any], notes: list[str]) -> TiffFacts:
    facts = TiffFacts("TIFF (Zeiss SEM)")
    for key in ("ap_image_pixel_size", "ap_pixel_size"):
        entry = about.get(key)
        if isinstance(entry, tuple) and len(entry) >= 3:
            facts.pixel_size = pixel_size_from_file(entry[1], entry[1], entry[2], notes, where="the Zeiss tags")
            break
    else:
        notes.append("The Zeiss tags give no pixel size.")
    for key in ("ap_mag", "ap_actualkv", "ap_wd", "dp_detector_type"):
        if isinstance(about.get(key), tuple):
            facts.metadata[str(about[key][0])] = " ".join(str(part) for part in about[key][1:])
    return facts


def _fei(about: dict[str, Any], notes: list[str]) -> TiffFacts:
    facts = TiffFacts("TIFF (FEI SEM)")
    for section in ("Scan", "EScan"):
        scan = about.get(section)
        if isinstance(scan, dict) and "PixelWidth" in scan:
            height = scan.get("PixelHeight", scan["PixelWidth"])
            facts.pixel_size = pixel_size_from_file(height, scan["PixelWidth"], "m", notes, where="the FEI tags")
            break
    else:
        notes.append("The FEI tags give no pixel size.")
    bar = about.get("PrivateFei")
    if isinstance(bar, dict) and isinstance(bar.get("DatabarHeight"), int):
        facts.metadata["info_bar_height_px"] = bar["DatabarHeight"]
    return facts


def _note_resolution(page: Any, notes: list[str]) -> None:
    """Tell of a resolution too fine for printing; it may be real, but only the user knows."""
    y, x = _per_pixel(page)
    um = {2: 25_400.0, 3: 10_000.0}.get(int(page.tags.valueof(296, default=0) or 0))
    if um and y and x and max(y, x) * um < _FINEST_PRINT_UM:
        notes.append(
            f"The resolution tags say {x * um:.6g} µm per pixel; such tags usually describe printing, so it was not"
            f' taken. If it is right, use --pixel-size "{x * um:.6g} um".'
        )


def _per_pixel(page: Any) -> tuple[float | None, float | None]:
    """Return (height, width) of a pixel in the unit of the resolution tags."""
    sides: list[float | None] = []
    for code in (283, 282):
        value = page.tags.valueof(code)
        good = isinstance(value, tuple) and len(value) == 2 and value[0] > 0 and value[1] > 0
        sides.append(value[1] / value[0] if good else None)
    return sides[0], sides[1]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]

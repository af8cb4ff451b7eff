"""Where a number comes from: versions, machine, and JSON that is the same for the same content."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from granum.errors import OutputError

__all__ = ["machine", "to_json", "versions", "write_json"]

_PACKAGES = (
    "granum", "numpy", "scipy", "scikit-image", "opencv-python-headless", "numba", "scikit-learn", "tifffile",
    "imagecodecs", "pillow", "pydantic",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the version of Python, of granum and of the packages that compute its numbers.

    Returns
    -------
    versions : dict of str
        Sorted by name; a package that is not installed is left out. Nothing is imported.
    """
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return dict(sorted(found.items()))


def machine() -> dict[str, Any]:
    """Return what the run stood on: system, processor kind and the number of cores; no host or user name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": platform.system(), "release": platform.release(), "processor": platform.machine(), "cores": cores}


def to_json(value: Any) -> Any:
    """Return `value` in JSON types: arrays as lists, dataclasses as dicts, paths as text, NaN as None."""
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, np.generic):
        return to_json(value.item())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_json({item.name: getattr(value, item.name) for item in dataclasses.fields(value)})
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(to_json(item) for item in value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise OutputError(f"JSON: {type(value).__name__} {value!r} cannot be written; give numbers, text, lists and dicts.")


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON with sorted keys, two blanks of indent and a final line break, as UTF-8.

    Raises
    ------
    OutputError
        When a value has no JSON form, or the file cannot be written.
    """
    path = Path(path)
    text = json.dumps(to_json(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from error

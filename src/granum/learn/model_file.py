"""One file per model: JSON and plain arrays in a ZIP archive; nothing in it can run, and damage is found.

``model.json`` says everything but the numbers of the classifiers, which are ``.npy`` members under fixed names; their
SHA-256 stands in the JSON. Members are stored without compression, so a file is as large as what it holds, and
nothing can unfold to more. The same model gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import tempfile
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from granum.errors import ModelError, OutputError
from granum.learn.classifiers import load_classifier
from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale
from granum.learn.pixel_model import ContextStage, PixelModel, Stage
from granum.learn.scribbles import PixelClass
from granum.learn.tree_classifier import TreeClassifier

__all__ = ["FORMAT", "FORMAT_VERSION", "load_model", "model_bytes", "read_model", "save_model"]

FORMAT = "granum pixel model"
FORMAT_VERSION = 1
SUFFIX = ".granum_model"
_TIME = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes
_JSON = "model.json"
_MEMBER = re.compile(r"(first|context)/((?:[0-9]{1,2}\.)?[a-z_]{1,20}(?:_[0-9])?)\.npy")
_TEXT = re.compile(r"(first|context)/lightgbm\.txt")
_MOST_FILE, _MOST_JSON, _MOST_TEXT, _MOST_MEMBERS = 500_000_000, 20_000_000, 100_000_000, 1000
_MOST_HEADER = 256
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)(\{'descr': '(<f4|<i4)', 'fortran_order': False, 'shape': "
    rb"\(((?:\d{1,10}, ){0,3}\d{1,10},?|)\), \} {0,99}\n)",
    re.DOTALL,
)


def save_model(model: PixelModel, path: str | PathLike[str]) -> None:
    """Write a model to one file: under another name first, pushed to the disk, then renamed.

    Parameters
    ----------
    model : PixelModel
        The model.
    path : str or path
        Where; an existing file is replaced. By convention the name ends in ``.granum_model``.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    target = Path(path)
    data = model_bytes(model)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0o077)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)  # mkstemp lets only the owner read, a project may be shared
        Path(temporary).replace(target)
    except OSError as error:
        raise OutputError(f"{target}: the model cannot be written ({error.strerror or error}).") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def load_model(path: str | PathLike[str]) -> PixelModel:
    """Read a model from a file, checking all of it.

    Parameters
    ----------
    path : str or path
        What `save_model` wrote.

    Returns
    -------
    model : PixelModel

    Raises
    ------
    ModelError
        When it cannot be read, is no model, is damaged, or was written by a newer granum that changed the format.
    """
    source = Path(path)
    try:
        size = source.stat().st_size
        data = source.read_bytes() if size <= _MOST_FILE and source.is_file() else b""
    except OSError as error:
        raise ModelError(f"{source}: the model cannot be read ({error.strerror or error}).") from None
    if size > _MOST_FILE:
        raise ModelError(
            f"{source}: is {size / 1e6:.0f} MB, more than a model can be; choose a file that granum saved."
        )
    return read_model(data, name=str(source))


def model_bytes(model: PixelModel) -> bytes:
    """Return the bytes of the file of a model."""
    from granum import __version__

    members: dict[str, bytes] = {}
    stages: dict[str, Any] = {}
    for name, stage in zip(("first", "context"), model.stages, strict=False):
        about, arrays = stage.classifier.to_state()
        stages[name] = {"columns": [int(column) for column in stage.columns], "classifier": about}
        if isinstance(stage, ContextStage):
            stages[name]["sigmas"] = [float(sigma) for sigma in stage.sigmas]
        for key, array in sorted(arrays.items()):
            members[f"{name}/{key}.npy"] = _array_bytes(array)
        if isinstance(stage.classifier, TreeClassifier) and stage.classifier.package_text:
            members[f"{name}/lightgbm.txt"] = stage.classifier.package_text.encode()
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "granum": __version__,
        "classes": [{"id": known.id, "name": known.name, "colour": known.colour} for known in model.classes],
        "n_channels": model.n_channels,
        "channel_names": [*model.channel_names],
        "dtype": model.dtype,
        "pixel_size_nm": None if model.pixel_size_nm is None else float(model.pixel_size_nm),
        "features": model.features.to_json(),
        "normalisation": model.normalisation,
        "intensity": model.intensity.to_json(),
        "stages": stages,
        "prior": [float(share) for share in model.prior],
        "smoothing_px": float(model.smoothing_px),
        "about": model.about,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()},
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in [(_JSON, text.encode()), *members.items()]:
            about_member = zipfile.ZipInfo(name, _TIME)
            about_member.external_attr = 0o644 << 16
            about_member.create_system = 3
            archive.writestr(about_member, data)
    return out.getvalue()


def _plain(value: Any) -> Any:
    """Return a NumPy number or array as JSON types."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot stand in a model file")


def _array_bytes(array: NDArray[Any]) -> bytes:
    plain = np.ascontiguousarray(array, "<f4" if array.dtype.kind == "f" else "<i4")
    out = io.BytesIO()
    npy.write_array(out, plain, version=(1, 0), allow_pickle=False)
    return out.getvalue()


def _read_array(data: bytes, name: str) -> NDArray[Any]:
    """Return the array of an ``.npy`` member after checking its header against its size.

    NumPy's own reader runs a Python parser over the header, which a stranger could make costly; granum writes one form.
    """
    found = _HEADER.match(data[:_MOST_HEADER])
    if not found or int.from_bytes(found[1], "little") != len(found[2]):
        raise ModelError(f"its member {name} is no array that granum writes; it is damaged.")
    shape = tuple(int(size) for size in found[4].replace(b",", b" ").split())
    start = found.end()
    if math.prod(shape) * 4 != len(data) - start:
        raise ModelError(f"its member {name} is of shape {shape} in {len(data)} bytes; it is damaged.")
    dtype = np.dtype(found[3].decode())
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _read_members(data: bytes) -> dict[str, bytes]:
    """Return the members of the archive: known names, stored, no larger than the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_MEMBERS or len({entry.filename for entry in entries}) != len(entries):
                raise ModelError(f"it has {len(entries)} members, a model has at most {_MOST_MEMBERS}, each once.")
            if not any(entry.filename == _JSON for entry in entries):
                raise ModelError(f"it has no {_JSON}, so it is no model of granum.")
            members = {}
            for entry in entries:
                known = entry.filename == _JSON or _MEMBER.fullmatch(entry.filename) or _TEXT.fullmatch(entry.filename)
                limit = _MOST_JSON if entry.filename == _JSON else _MOST_FILE
                if not known or entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                    raise ModelError(f"its member {entry.filename[:80]!r} is not one of a model of granum.")
                if entry.file_size != entry.compress_size or entry.file_size > min(len(data), limit):
                    raise ModelError(f"its member {entry.filename!r} claims {entry.file_size} bytes; it is damaged.")
                members[entry.filename] = archive.read(entry)
    except ModelError:
        raise
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, KeyError, IndexError,
            OverflowError) as error:  # fmt: skip
        raise ModelError(f"it is no model of granum, or damaged ({str(error)[:80]}).") from None
    return members


def read_model(data: bytes, *, name: str) -> PixelModel:
    """Return the model in the bytes of a file; `name` is for messages.

    Raises
    ------
    ModelError
        As `load_model`.
    """
    try:
        members = _read_members(data)
        text = members.pop(_JSON)
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"its {_JSON} cannot be read ({str(error)[:80]}).") from None
        return _build(document, members)
    except ModelError as error:
        text_of = str(error).removeprefix("model: ")
        raise ModelError(f"{name}: {text_of}") from None


def _build(document: Any, members: dict[str, bytes]) -> PixelModel:
    """Return the model of a document and its arrays."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelError("it is no model of granum (its JSON says something else).")
    version = document.get("format_version")
    if type(version) is not int or version < 1:
        raise ModelError(f"it has the format version {version!r}, which never was.")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"it was written by granum {str(document.get('granum'))[:20]} in format {version}, this one reads up to "
            f"{FORMAT_VERSION}; update granum."
        )
    digests = document.get("sha256")
    if not isinstance(digests, dict) or set(digests) != set(members):
        raise ModelError("its members are not those that its JSON lists; it is damaged.")
    for member, data in members.items():
        if hashlib.sha256(data).hexdigest() != digests[member]:
            raise ModelError(f"its member {member!r} has changed since it was saved; it is damaged.")
    try:
        known = {
            "classes": tuple(
                PixelClass(_whole(row["id"]), str(row["name"]), str(row["colour"])) for row in document["classes"]
            ),
            "n_channels": _whole(document["n_channels"]),
            "channel_names": tuple(map(str, document["channel_names"])),
            "dtype": str(document["dtype"]),
            "pixel_size_nm": None if document["pixel_size_nm"] is None else float(document["pixel_size_nm"]),
            "features": FeatureSet.from_json(document["features"]),
            "normalisation": document["normalisation"],
            "intensity": IntensityScale.from_json(document["intensity"]),
            "prior": tuple(map(float, document["prior"])),
            "smoothing_px": float(document["smoothing_px"]),
            "about": dict(document["about"]),
        }
        if not 1 <= known["n_channels"] <= 1000:
            raise ModelError(f"it is for {known['n_channels']} channels.")
        stages = dict(document["stages"])
        if not {"first"} <= set(stages) <= {"first", "context"}:
            raise ModelError(f"it has the stages {', '.join(map(str, stages))[:80]}.")
        first = Stage(*_stage(stages, "first", members))
        context = None
        if "context" in stages:
            columns, classifier = _stage(stages, "context", members)
            context = ContextStage(columns, classifier, tuple(map(float, stages["context"]["sigmas"])))
        return PixelModel(**known, first=first, context=context)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(f"its JSON is not that of a model ({type(error).__name__}: {str(error)[:80]}).") from None


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ModelError(f"{str(value)[:40]!r} stands where a whole number must be.")
    return value


def _stage(stages: dict[str, Any], name: str, members: dict[str, bytes]) -> tuple[tuple[int, ...], Any]:
    """Return the columns and the classifier of a stage."""
    about = stages[name]
    arrays = {}
    for member, data in members.items():
        found = _MEMBER.fullmatch(member)
        if found and found[1] == name:
            arrays[found[2]] = _read_array(data, member)
    classifier = load_classifier(about["classifier"], arrays)
    text = members.get(f"{name}/lightgbm.txt")
    if text is not None and isinstance(classifier, TreeClassifier):
        object.__setattr__(classifier, "package_text", text.decode())
    return tuple(_whole(column) for column in about["columns"]), classifier

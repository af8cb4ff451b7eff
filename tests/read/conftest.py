"""Writers of small files in every format, from the format descriptions, so that the readers meet known pixels."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import mrcfile
import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

RNG = np.random.default_rng(7)
GREY8 = RNG.integers(0, 256, (23, 31), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (23, 31), dtype=np.uint16)
RGB16 = RNG.integers(0, 65536, (23, 31, 3), dtype=np.uint16)
STACK = RNG.integers(0, 4096, (4, 23, 31), dtype=np.uint16)


DM_CODES = {"int16": 2, "int32": 3, "uint16": 4, "uint32": 5, "float32": 6, "float64": 7, "int8": 9, "uint8": 10}


class DmWriter:
    """Bytes of a DM3 or DM4 tag tree."""

    def __init__(self, version: int, order: str = "<") -> None:
        self.version, self.order, self.wide = version, order, ">q" if version == 4 else ">i"

    def number(self, value: int) -> bytes:
        return struct.pack(self.wide, value)

    def entry(self, name: str, value: Any) -> bytes:
        kind, body = (20, self.group(value)) if isinstance(value, dict | list) else (21, self.value(value))
        size = struct.pack(">q", len(body)) if self.version == 4 else b""
        return struct.pack(">BH", kind, len(name)) + name.encode() + size + body

    def group(self, members: dict[str, Any] | list[Any]) -> bytes:
        pairs = list(members.items()) if isinstance(members, dict) else [("", member) for member in members]
        return b"\x01\x00" + self.number(len(pairs)) + b"".join(self.entry(name, value) for name, value in pairs)

    def value(self, value: Any) -> bytes:
        if isinstance(value, str):
            data = np.frombuffer(value.encode("utf-16-le"), "<u2").astype(self.order + "u2")
            return self.array(4, data)
        if isinstance(value, np.ndarray):
            data = value.astype(value.dtype.newbyteorder(self.order))
            return self.array(DM_CODES[value.dtype.name], data)
        if isinstance(value, float):
            return b"%%%%" + self.number(1) + self.number(6) + struct.pack(self.order + "f", value)
        if isinstance(value, tuple):  # a struct of int32
            about = [15, 0, len(value), *[n for _ in value for n in (0, 3)]]
            head = b"%%%%" + self.number(len(about)) + b"".join(map(self.number, about))
            return head + struct.pack(self.order + f"{len(value)}i", *value)
        return b"%%%%" + self.number(1) + self.number(3) + struct.pack(self.order + "i", value)

    def array(self, code: int, data: np.ndarray) -> bytes:
        return b"%%%%" + self.number(3) + b"".join(map(self.number, (20, code, data.size))) + data.tobytes()

    def file(self, root: dict[str, Any]) -> bytes:
        body = self.group(root)
        head = struct.pack(">i", self.version) + self.number(len(body)) + struct.pack(">i", int(self.order == "<"))
        return head + body + b"\0" * 8


def dm_bytes(
    pixels: np.ndarray, *, version: int = 3, order: str = "<", kind: int = 10, scale: float = 0.25, units: str = "nm",
    third: tuple[float, str] = (0.5, "s"), thumbnail: bool = True,
) -> bytes:  # fmt: skip
    sizes = list(pixels.shape[::-1])
    axes = [{"Origin": 0.0, "Scale": scale, "Units": units}] * 2
    axes += [{"Origin": 0.0, "Scale": third[0], "Units": third[1]}] * (len(sizes) - 2)
    data = {
        "Calibrations": {"Dimension": axes}, "Data": pixels.ravel(), "DataType": kind, "Dimensions": sizes,
        "PixelDepth": pixels.dtype.itemsize,
    }  # fmt: skip
    small = {
        "ImageData": {"Data": np.zeros(16, np.uint32), "DataType": 23, "Dimensions": [4, 4], "PixelDepth": 4},
        "Name": "thumbnail",
    }
    image = {"ImageData": data, "ImageTags": {"Microscope Info": {"Voltage": 200000.0}}, "Name": "film µ"}
    images = [small, image] if thumbnail else [image]
    root: dict[str, Any] = {"ApplicationBounds": (0, 0, 1000, 1000), "ImageList": images}
    if thumbnail:
        root["Thumbnails"] = [{"ImageIndex": 0, "SourceSize_Pixels": (31, 23)}]
    return DmWriter(version, order).file(root)


def ser_bytes(
    stack: np.ndarray, *, version: int = 0x0210, step: float = 1.5e-10, total: int | None = None, padded: bool = True
) -> bytes:
    wide = "<q" if version >= 0x0220 else "<i"
    total = len(stack) if total is None else total
    code = {"uint8": 1, "uint16": 2, "uint32": 3, "int16": 5, "float32": 7}[stack.dtype.name]
    head = struct.pack("<hhhiiii", 0x4949, 0x0197, version, 0x4122, 0x4152, total, len(stack))
    dimension = struct.pack("<iddii", total, 0.0, 1.0, 0, 6) + b"Number" + struct.pack("<i", 0)
    table_at = len(head) + struct.calcsize(wide) + 4 + len(dimension)
    at = table_at + 2 * total * struct.calcsize(wide)
    elements, offsets = [], []
    for plane in stack:
        header = struct.pack("<ddiddihii", 0.0, step, 0, 0.0, step, 0, code, plane.shape[1], plane.shape[0])
        elements.append(header + plane.astype(plane.dtype.newbyteorder("<")).tobytes())
        offsets.append(at)
        at += len(elements[-1])
    tags, tag_offsets = [], []
    for i in range(len(stack)):
        stamp = 1_600_000_000 + 2 * i
        tags.append(struct.pack("<hhi", 0x4152, 0, stamp) if padded else struct.pack("<hih", 0x4152, stamp, 0))
        tag_offsets.append(at)
        at += 8
    padding = [0] * (total - len(stack))
    table = b"".join(struct.pack(wide, n) for n in (*offsets, *padding, *tag_offsets, *padding))
    return b"".join((head, struct.pack(wide, table_at), struct.pack("<i", 1), dimension, table, *elements, *tags))


def write_velox(path: Path, stacks: dict[str, np.ndarray], *, size: float | None = 2e-10) -> None:
    with h5py.File(path, "w") as file:
        for i, (detector, stack) in enumerate(stacks.items()):
            group = file.create_group(f"Data/Image/{i:032x}")
            group["Data"] = np.moveaxis(stack, 0, -1)
            result: dict[str, Any] = {"Detector": detector, "PixelUnitX": "m", "PixelUnitY": "m"}
            if size is not None:
                result["PixelSize"] = {"width": str(size), "height": str(size)}
            text = json.dumps({"BinaryResult": result, "Instrument": {"InstrumentClass": "Titan"}}).encode()
            column = np.zeros((4096, len(stack)), np.uint8)
            column[: len(text)] = np.frombuffer(text, np.uint8)[:, None]
            group["Metadata"] = column


def write_ncem(path: Path, pixels: np.ndarray, axes: list[tuple[float, str]]) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group("data/film")
        group.attrs["emd_group_type"] = 1
        group["data"] = pixels
        for i, (step, unit) in enumerate(axes):
            group[f"dim{i + 1}"] = np.arange(pixels.shape[i]) * step
            group[f"dim{i + 1}"].attrs["units"] = unit


def write_zarr(path: Path, pixels: np.ndarray, *, version: int, axes: str = "tcyx", scale: float = 0.65) -> None:
    import zarr

    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == 4 else 3)
    array = group.create_array("0", shape=pixels.shape, dtype=pixels.dtype, chunks=pixels.shape)
    array[...] = pixels
    kinds = {"t": "second", "c": "", "z": "micrometer", "y": "micrometer", "x": "micrometer"}
    steps = {"t": 30.0, "c": 1.0, "z": 2.0, "y": scale, "x": scale}
    about = {
        "multiscales": [{
            "axes": [{"name": a, "unit": kinds[a]} if kinds[a] else {"name": a} for a in axes],
            "datasets": [{"path": "0", "coordinateTransformations": [
                {"type": "scale", "scale": [steps[a] for a in axes]}]}],
        }],
        "omero": {"channels": [{"label": "DNA"}, {"label": "pH3"}]},
    }  # fmt: skip
    group.attrs.update(about if version == 4 else {"ome": {"version": "0.5", **about}})


def _png(folder: Path) -> Path:
    path = folder / "a.png"
    path.write_bytes(imagecodecs.png_encode(GREY16))
    return path


def _jpeg(folder: Path) -> Path:
    path = folder / "a.jpg"
    path.write_bytes(imagecodecs.jpeg_encode(GREY8, level=100))
    return path


def _bmp(folder: Path) -> Path:
    path = folder / "a.bmp"
    PillowImage.fromarray(GREY8).save(path)
    return path


def _mrc(folder: Path) -> Path:
    path = folder / "a.mrc"
    with mrcfile.new(path) as file:
        file.set_data(STACK.astype(np.int16))
        file.set_image_stack()
        file.voxel_size = 1.7
    return path


def _emd(folder: Path, *, velox: bool) -> Path:
    path = folder / ("velox.emd" if velox else "ncem.emd")
    if velox:
        write_velox(path, {"HAADF": STACK, "BF": STACK + 1})
    else:
        write_ncem(path, STACK, [(0.5, "[s]"), (0.2, "[n_m]"), (0.2, "[n_m]")])
    return path


def _written(name: str, data: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _tiff(name: str, data: np.ndarray, **options: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        tifffile.imwrite(folder / name, data, **options)
        return folder / name

    return write


def _npy(folder: Path) -> Path:
    np.save(folder / "a.npy", STACK)
    return folder / "a.npy"


IMAGEJ = {"axes": "TYX", "unit": "nm", "finterval": 0.5}
OME = {"axes": "TYX", "PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.1, "PhysicalSizeYUnit": "µm"}
FILES: dict[str, Callable[[Path], Path]] = {
    "tiff raw": _tiff("raw.tif", GREY16),
    "tiff lzw": _tiff("lzw.tif", STACK, compression="lzw", photometric="minisblack"),
    "tiff tiles": _tiff("tiles.tif", GREY16, compression="zlib", predictor=True, tile=(16, 16)),
    "bigtiff": _tiff("big.tif", STACK, bigtiff=True, photometric="minisblack"),
    "tiff rgb": _tiff("rgb.tif", RGB16, photometric="rgb", compression="zlib"),
    "imagej": _tiff("ij.tif", STACK, imagej=True, resolution=(2, 2), metadata=IMAGEJ),
    "ome": _tiff("a.ome.tif", STACK, ome=True, metadata=OME, photometric="minisblack"),
    "png": _png,
    "jpeg": _jpeg,
    "bmp": _bmp,
    "mrc": _mrc,
    "dm3": _written("a.dm3", dm_bytes(STACK)),
    "dm4": _written("a.dm4", dm_bytes(STACK, version=4)),
    "ser": _written("a.ser", ser_bytes(STACK)),
    "emd ncem": lambda folder: _emd(folder, velox=False),
    "emd velox": lambda folder: _emd(folder, velox=True),
    "npy": _npy,
}


@pytest.fixture(scope="session")
def sample_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One small file of every format."""
    folder = tmp_path_factory.mktemp("formats")
    return {name: write(folder) for name, write in FILES.items()}


@pytest.fixture(scope="session")
def make_dm() -> Callable[..., bytes]:
    return dm_bytes


@pytest.fixture(scope="session")
def make_ser() -> Callable[..., bytes]:
    return ser_bytes


@pytest.fixture(scope="session")
def make_velox() -> Callable[..., None]:
    return write_velox


@pytest.fixture(scope="session")
def make_ncem() -> Callable[..., None]:
    return write_ncem


@pytest.fixture(scope="session")
def make_zarr() -> Callable[..., None]:
    return write_zarr


@pytest.fixture
def stack() -> np.ndarray:
    """The pixels in the stacks of `sample_files`: (4, 23, 31) uint16."""
    return STACK.copy()

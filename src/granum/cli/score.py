"""`granum score`: compare labels with the true labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from granum.score import ObjectScores

_SUFFIXES = (".ome.tiff", ".ome.tif", ".tiff", ".tif", ".png")
_COLUMNS = {
    "true": "n_truth", "found": "n_prediction", "F1": "f1", "AP50": "ap_0.50", "mAP": "mean_average_precision",
    "PQ": "panoptic_quality", "IoU": "iou", "Dice": "dice", "boundary F": "boundary_f", "count err.": "count_error",
    "D50 err.": "d50_error",
}  # fmt: skip


def score(
    truth: Annotated[Path, typer.Argument(help="True labels: a file, or a folder of them.")],
    prediction: Annotated[Path, typer.Argument(help="Labels to score: a file, a folder, or the folder of a run.")],
    tolerance: Annotated[float, typer.Option(help="Distance in px that an outline may be off (boundary F).")] = 2.0,
    csv: Annotated[Path | None, typer.Option(help="Write a row per image to this CSV file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write rows, mean and pooled scores to this JSON file.")] = None,
) -> None:
    """Compare labels with the true labels.

    Files pair by name without extension. Object scores (AP at IoU 0.5 to 0.95, F1, PQ, errors of count and median
    diameter) see touching objects one by one; IoU, Dice and boundary F take all objects as one mask.
    """
    from granum.score import mean_object_scores, pool_object_scores

    rows: list[dict[str, Any]] = []
    scores: list[ObjectScores] = []
    for name, truth_file, prediction_file in pair_files(truth, prediction):
        for row, image_scores in _score_files(name, truth_file, prediction_file, tolerance):
            rows.append(row)
            scores.append(image_scores)
    mean: dict[str, Any] = {"image": "mean", **mean_object_scores(scores)}
    mean |= {key: sum(row[key] for row in rows) / len(rows) for key in ("iou", "dice", "boundary_f")}
    pooled: dict[str, Any] = {"image": "pooled", **pool_object_scores(scores).to_row()}
    _print_table(rows, mean, pooled)
    if csv is not None:
        _write_csv(csv, rows)
    if json is not None:
        _write_json(
            json, {"truth": str(truth), "prediction": str(prediction), "tolerance_px": tolerance}, rows, mean, pooled
        )


def pair_files(truth: Path, prediction: Path) -> list[tuple[str, Path, Path]]:
    """Return (name, true file, predicted file) for every file of the truth, in order of name.

    Raises
    ------
    ReadError
        When something is missing, two files share a name, or a true file has no predicted one.
    """
    from granum.errors import ReadError

    for path, role in ((truth, "truth"), (prediction, "prediction")):
        if not path.exists():
            raise ReadError(f"{role}: {path} does not exist.")
    if truth.is_file() and prediction.is_file():
        return [(_stem(truth), truth, prediction)]
    true_files, predicted_files = _list_labels(truth, "truth"), _list_labels(prediction, "prediction")
    missing = sorted(set(true_files) - set(predicted_files))
    if missing:
        listed = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise ReadError(
            f"prediction: {prediction} has no labels for {len(missing)} of {len(true_files)} files of the truth "
            f"({listed}); files pair by name without extension."
        )
    return [(name, true_files[name], predicted_files[name]) for name in sorted(true_files)]


def _stem(path: Path) -> str:
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def _list_labels(path: Path, role: str) -> dict[str, Path]:
    """Return the label images of a file or folder by stem; a run or a simulation keeps them in `labels/`."""
    from granum.errors import ReadError

    if path.is_file():
        return {_stem(path): path}
    folder = path / "labels" if (path / "labels").is_dir() else path
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.name.lower().endswith(_SUFFIXES) and not file.name.startswith("."):
            if _stem(file) in files:
                raise ReadError(f"{role}: {folder} holds {files[_stem(file)].name} and {file.name}; keep one of them.")
            files[_stem(file)] = file
    if not files:
        raise ReadError(f"{role}: {folder} holds no label image (.tif, .tiff, .png).")
    return files


def _score_files(
    name: str, truth_file: Path, prediction_file: Path, tolerance: float
) -> list[tuple[dict[str, Any], ObjectScores]]:
    """Return the row and the object scores of every frame of one pair of files."""
    from granum.errors import GranumError, ShapeError
    from granum.report.label_images import read_labels
    from granum.score import score_objects, score_pixels

    truth, prediction = read_labels(truth_file), read_labels(prediction_file)
    if truth.shape != prediction.shape:
        sizes = [" x ".join(map(str, labels.shape)) for labels in (truth, prediction)]
        raise ShapeError(f"{name}: the truth is {sizes[0]} px, the prediction {sizes[1]}; they must be the same.")
    truth, prediction = (labels.reshape(-1, *labels.shape[-2:]) for labels in (truth, prediction))
    scored = []
    for frame, (true_labels, labels) in enumerate(zip(truth, prediction, strict=True)):
        image = name if len(truth) == 1 else f"{name}[{frame}]"
        try:
            objects = score_objects(true_labels, labels)
            pixels = score_pixels(true_labels, labels, tolerance=tolerance)
        except GranumError as error:
            raise type(error)(f"{image}: {error}") from None
        mask_scores = {"iou": pixels.iou, "dice": pixels.dice, "boundary_f": pixels.boundary_f}
        scored.append(({"image": image, **objects.to_row(), **mask_scores}, objects))
    return scored


def _format(value: float | int | None, name: str) -> str:
    if value is None or value != value:
        return "-"
    if name.startswith("n_"):
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
    return f"{100 * value:+.1f} %" if name.endswith("_error") else f"{value:.3f}"


def _print_table(rows: list[dict[str, Any]], mean: dict[str, Any], pooled: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=140)  # a pipe has no width: keep one line per image
    table = Table(box=None, pad_edge=False)
    table.add_column("image", overflow="fold")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row["image"], *(_format(row[name], name) for name in _COLUMNS.values()))
    if len(rows) > 1:
        table.add_section()
        # errors are averaged without their sign, so they are shown without one
        means = [_format(mean.get(name, mean.get(f"{name}_abs")), name).removeprefix("+") for name in _COLUMNS.values()]
        table.add_row("mean", *means, style="bold")
        table.add_row("pooled", *(_format(pooled.get(name), name) for name in _COLUMNS.values()), style="bold")
    console.print(table)


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    import csv

    from granum.errors import OutputError

    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: "" if value != value else value for key, value in row.items()} for row in rows)
    except OSError as error:
        raise OutputError(f"--csv {path}: {error.strerror}; give a file in a folder that exists.") from None


def _write_json(
    path: Path, about: dict[str, Any], rows: list[dict[str, Any]], mean: dict[str, Any], pooled: dict[str, Any]
) -> None:
    import json

    from granum import __version__
    from granum.errors import OutputError

    def clean(row: dict[str, Any]) -> dict[str, Any]:
        return {key: None if value != value else value for key, value in row.items()}

    document = {"granum": __version__, **about, "images": [clean(row) for row in rows]}
    document |= {"mean": clean(mean), "pooled": clean(pooled)}
    try:
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"--json {path}: {error.strerror}; give a file in a folder that exists.") from None

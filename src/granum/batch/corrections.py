"""Corrections by hand for a batch: which edits belong to which input and frame, told by the content of the input.

The file is ``{"<SHA-256 of the input>": {"<frame>": [edits ...]}}``, so that it fits whatever the inputs are called and
wherever they lie.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granum.errors import GranumError, ReadError, SettingError

if TYPE_CHECKING:
    from granum.batch.item import SourceFacts
    from granum.batch.run_folder import Failure

__all__ = ["Corrections", "about_edits", "check_targets", "edits_of", "read_edits"]

Corrections = dict[str, dict[str, list[dict[str, Any]]]]
"""SHA-256 -> frame as text -> edits, without empty lists."""


def read_edits(edits: Mapping[str, Any] | str | os.PathLike[str] | None) -> Corrections:
    """Return corrections, checked; an empty dict when there are none.

    Raises
    ------
    ReadError
        When the file cannot be read.
    SettingError
        When a hash, a frame or an edit is not written as it must be; the message says where.
    """
    from granum.separate.edit_checks import check_edit

    if edits is None:
        return {}
    content: Any = edits if isinstance(edits, Mapping) else _read_json(Path(edits))
    if not isinstance(content, Mapping):
        raise SettingError("edits: must be {SHA-256 of an input: {frame: [edits]}}.")
    found: Corrections = {}
    for sha256, frames in content.items():
        if not (isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256) and isinstance(frames, Mapping)):
            raise SettingError(f"edits: {sha256!r:.80} must be the SHA-256 of an input, with edits for each frame.")
        for frame, wanted in frames.items():
            text = str(frame)
            if not re.fullmatch("0|[1-9][0-9]{0,8}", text) or not isinstance(wanted, list | tuple):
                raise SettingError(f"edits: {sha256[:12]}: {frame!r:.80} must be a frame from 0 with a list of edits.")
            for number, edit in enumerate(wanted, 1):
                try:
                    checked = check_edit(edit)
                except GranumError as error:
                    raise SettingError(f"edits: {sha256[:12]}, frame {text}, edit {number}: {error}") from None
                found.setdefault(sha256, {}).setdefault(text, []).append(checked)
    return found


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ReadError(f"{path}: cannot be read as a file of corrections ({reason}).") from None


def edits_of(corrections: Corrections, facts: SourceFacts, frame: int) -> tuple[dict[str, Any], ...]:
    """Return the edits of one frame of an input; its main file tells which input it is."""
    return tuple(corrections.get(facts.sha256[str(facts.source.path)], {}).get(str(frame), ()))


def check_targets(corrections: Corrections, facts: Sequence[SourceFacts], failures: Sequence[Failure]) -> None:
    """Make sure that all corrections have their input and frame.

    Raises
    ------
    SettingError
        When one has none, unless an input could not be read and may be the one.
    """
    n_frames: dict[str, int] = {}
    for fact in facts:
        sha256 = fact.sha256[str(fact.source.path)]
        n_frames[sha256] = max(fact.n_frames, n_frames.get(sha256, 0))
    for sha256, frames in corrections.items():
        if sha256 not in n_frames:
            if failures:
                continue
            raise SettingError(
                f"edits: no input has the SHA-256 {sha256[:12]}...; were the images changed, or left out?"
            )
        beyond = [frame for frame in frames if int(frame) >= n_frames[sha256]]
        if beyond:
            raise SettingError(f"edits: {sha256[:12]}... has {n_frames[sha256]} frames, there is no frame {beyond[0]}.")


def about_edits(corrections: Corrections) -> dict[str, Any]:
    """Return what run.json says about the corrections; nothing when there are none."""
    if not corrections:
        return {}
    n = sum(len(edits) for frames in corrections.values() for edits in frames.values())
    text = json.dumps(corrections, sort_keys=True)
    return {"edits": {"n_edits": n, "sha256": hashlib.sha256(text.encode()).hexdigest()}}

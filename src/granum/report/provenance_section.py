"""What a run was made with: versions, recipe, settings, machine and the hashes of its files."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from granum.report.section import UNIT_NAMES, table_html

__all__ = ["provenance_html", "size_words"]

_MOST_ROWS = 500


def size_words(entry: Any) -> str:
    """Return a pixel size and where it came from, "0.5 nm (typed)"; empty where none is known."""
    if not isinstance(entry, Mapping):
        return ""
    side = f"{entry['x']:.6g}" if entry["x"] == entry["y"] else f"{entry['y']:.6g} x {entry['x']:.6g}"
    source = {"file": "from the file", "typed": "typed", "scale bar": "from the scale bar"}
    return f"{side} {UNIT_NAMES[entry['unit']]} ({source.get(entry.get('source', ''), 'typed')})"


def provenance_html(run: Mapping[str, Any]) -> str:
    """Return the last part of a report."""
    recipe, machine = run.get("recipe") or {}, run.get("machine") or {}
    seconds = run.get("seconds") or {}
    facts: list[tuple[str, str]] = [
        ("granum", str(run.get("granum", ""))),
        ("recipe", f"{recipe.get('name', '')} {recipe.get('sha256', '')}"),
        ("seed", str(run.get("seed", ""))),
        ("machine", ", ".join(f"{name} {value}" for name, value in sorted(machine.items()))),
        ("versions", ", ".join(f"{name} {value}" for name, value in sorted((run.get("versions") or {}).items()))),
        ("repeat with", "granum run OUT/recipe.toml INPUT... -o OUT2"),
    ]
    if seconds:
        facts.insert(3, ("seconds", ", ".join(f"{name} {value:.3g}" for name, value in seconds.items())))
    rows = "".join(
        f'<tr><td class="text">{escape(name)}</td><td class="text wrap"><code>{escape(value)}</code></td></tr>'
        for name, value in facts
        if value and value != "None"
    )
    files = [file for entry in run.get("inputs") or [] for file in entry.get("files") or []]
    hashes = "".join(
        f'<tr><td class="text">{escape(str(file.get("name", "")))}</td>'
        f'<td class="text"><code>{escape(str(file.get("sha256", "")))}</code></td></tr>'
        for file in files[:_MOST_ROWS]
    )
    steps = table_html(
        [
            {"step": entry.get("do"), "settings": _settings_words(entry.get("settings") or {})}
            for entry in run.get("settings") or []
        ]
    )
    return (
        f'<h2>Provenance</h2><div class="scroll"><table><tbody>{rows}</tbody></table></div>'
        f"<details><summary>steps and settings</summary><div class='scroll'>{steps}</div></details>"
        f'<details><summary>{len(files)} input files with their SHA-256</summary><div class="scroll tall">'
        f"<table><tbody>{hashes}</tbody></table></div></details>"
    )


def _settings_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {'none' if value is None else value}" for name, value in settings.items())

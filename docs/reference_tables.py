"""What the reference tells about steps, recipes and commands, written from the code when the docs are built."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path
from typing import Any

import typer

from granum.cli.main import commands
from granum.recipe import list_recipes, ready_recipe_text, to_toml_value
from granum.steps import STEPS, Setting, load_step

__all__ = ["describe_commands", "describe_recipes", "describe_steps", "write_all"]

_WORDS = {bool: "`true` or `false`", int: "whole number", float: "number", str: "text"}
_UNITS = {"px2": "px²"}


def write_all(folder: Path) -> None:
    """Write the generated parts, one Markdown file each; a file that stays the same is not touched."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"steps": describe_steps(), "recipes": describe_recipes(), "command_line": describe_commands()}
    for name, text in parts.items():
        path = folder / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _cell(text: str) -> str:
    """Return text that can stand in a Markdown table."""
    text = re.sub(r":\w+:`([^`]*)`", r"`\1`", text)  # roles of reStructuredText
    return text.replace("``", "`").replace("|", "\\|").replace("$", "\\$").replace("<", "&lt;")


def _values(setting: Setting) -> str:
    """Return what a setting may be."""
    kinds: list[Any] = [setting.annotation]
    for kind in kinds:  # grows while it is read: unions, tuples and annotations hold more kinds
        kinds += typing.get_args(kind) if typing.get_origin(kind) is not typing.Literal else ()
    parts = [f"`{choice}`" for choice in setting.choices] or [_WORDS[kind] for kind in kinds if kind in _WORDS]
    text = ", ".join(dict.fromkeys(parts))
    if setting.range is not None:
        text += f", {setting.range} {_UNITS.get(setting.unit, setting.unit)}".rstrip()
    return f"{text}, or `none`" if type(None) in kinds else text


def describe_steps() -> str:
    """Return every step with its layers and its settings, as Markdown."""
    lines: list[str] = []
    for name in STEPS:
        step = load_step(name)
        lines += [f"## {name}", "", _cell(step.summary), ""]
        reads = ", ".join([f"`{layer}`" for layer in step.reads] + [f"`{x}` if there" for x in step.reads_if_there])
        writes = ", ".join(f"`{layer}`" for layer in step.writes).replace(
            ", `choice`", ", and its `choice` with the reason"
        )
        lines += [f"Reads {reads}. Writes {writes}.", "", f"Function: `{_public_name(step.function)}`", ""]
        if step.settings:
            lines += ["| setting | values | default | meaning |", "|---|---|---|---|"]
        for setting in step.settings.values():
            default = to_toml_value(setting.default)
            lines.append(f"| `{setting.name}` | {_values(setting)} | `{default}` | {_cell(setting.help)} |")
        lines.append("")
    return "\n".join(lines)


def _public_name(function: Any) -> str:
    return f"{function.__module__.rpartition('.')[0]}.{function.__name__}"


def describe_recipes() -> str:
    """Return every ready recipe as it is written, as Markdown."""
    lines: list[str] = []
    for name, summary in list_recipes().items():
        lines += [f"## {name}", "", _cell(summary), "", "```toml", ready_recipe_text(name).strip(), "```", ""]
    return "\n".join(lines)


def describe_commands() -> str:
    """Return every command with its arguments and options, as Markdown."""
    lines: list[str] = []
    for name, command in _all_commands(typer.main.get_command(commands), ""):
        lines += [f"## granum {name}", "", _cell(inspect.getdoc(command.callback) or ""), ""]
        lines += ["| argument or option | default | meaning |", "|---|---|---|"]
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                shown = f"`{parameter.metavar or parameter.name.upper()}`"
            else:
                shown = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
                shown += f" `{parameter.metavar}`" if parameter.metavar else ""
            default = "needed" if parameter.required else _default(parameter.default)
            lines.append(f"| {shown} | {default} | {_cell(parameter.help)} |")
        lines.append("")
    return "\n".join(lines)


def _all_commands(group: Any, before: str) -> list[tuple[str, Any]]:
    """Return name and command of all commands, those of groups as "learn pixels"."""
    found: list[tuple[str, Any]] = []
    for name, command in group.commands.items():
        inside = getattr(command, "commands", None)
        found += [(before + name, command)] if inside is None else _all_commands(command, f"{before}{name} ")
    return found


def _default(value: Any) -> str:
    return f"`{value}`" if isinstance(value, int | float | str | Path) and value is not False else ""

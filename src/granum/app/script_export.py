"""How to get the same bytes without the app: a Python script, the recipe, and a command for the shell.

All three are made from a `RunPlan`, as the job itself is. Every value is written as a literal of its language, never
pasted between quotes, so that no file name can end a string or start a command.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from granum.app.run_messages import Scripts
    from granum.app.run_plan import RunPlan
    from granum.recipe import Recipe

__all__ = ["command_words", "make_scripts", "quote_word", "set_options"]

_OUT = "granum_result"
_RECIPE_FILE = "granum_recipe.toml"
_EDITS_FILE = "granum_edits.json"
_MAP_FILE = "granum_plate_map.csv"


def set_options(recipe: Recipe) -> tuple[str, list[str]] | None:
    """Return the ready recipe that a recipe came from, and the ``STEP.SETTING=VALUE`` that make one the other.

    Returns
    -------
    found : tuple of (str, list of str), or None
        None when no ready recipe becomes this one by settings alone.
    """
    from granum.errors import SettingError
    from granum.recipe import list_recipes, load_recipe, to_toml_value

    if recipe.name not in list_recipes():
        return None
    ready = load_recipe(recipe.name)
    if [step.do for step in ready.steps] != [step.do for step in recipe.steps]:
        return None
    names = [step.do for step in recipe.steps]
    changes: dict[str, str] = {}
    for n, (old, new) in enumerate(zip(ready.steps, recipe.steps, strict=True)):
        key = f"{new.do}#{names[: n + 1].count(new.do)}" if names.count(new.do) > 1 else new.do
        for name, value in new.settings.items():
            if old.settings.get(name) != value or type(old.settings.get(name)) is not type(value):
                changes[f"{key}.{name}"] = value if isinstance(value, str) else to_toml_value(value).strip('"')
    try:
        same = ready.with_settings(changes).to_toml() == recipe.to_toml()
    except SettingError:  # a value that the text of --set cannot say
        return None
    return (recipe.name, [f"{name}={value}" for name, value in changes.items()]) if same else None


def command_words(plan: RunPlan, *, edited: bool = False) -> list[str]:
    """Return the words of the command that does the same as a plan.

    Parameters
    ----------
    plan : RunPlan
        The run.
    edited : bool
        Whether corrections by hand follow in a file.
    """
    ready = set_options(plan.recipe)
    recipe, settings = (_RECIPE_FILE, []) if ready is None else ready
    words = ["granum", "run", recipe, *plan.paths, "-o", _OUT]
    for option in settings:
        words += ["--set", option]
    for name, value in plan.channels.items():
        words += ["--channel", f"{name}={value}"]
    for name, pattern in plan.patterns.items():
        words += ["--channel", f"{name}={pattern}"]
    if plan.pixel_size is not None:
        words += ["--pixel-size", plan.pixel_size]
    if plan.interval_s is not None:
        words += ["--interval", f"{_plain_number(plan.interval_s)} s"]
    if plan.z is not None:
        words += ["--z", str(plan.z)]
    if plan.names is not None:
        words += ["--names", plan.names]
    if plan.plate_map is not None:
        words += ["--plate-map", _MAP_FILE]
    if plan.video:
        words += ["--video"]
    if edited:
        words += ["--edits", _EDITS_FILE]
    return [*words, "--jobs", str(plan.processes)]


def make_scripts(plan: RunPlan, edits: Any = None) -> Scripts:
    """Return the Python script, the recipe and the command of a run.

    Parameters
    ----------
    plan : RunPlan
        The run.
    edits : object, optional
        The corrections by hand, JSON types, as `run_batch` takes them in a file.
    """
    from granum.app.run_messages import Scripts

    corrections = None if edits is None else json.dumps(edits, ensure_ascii=True, indent=1, allow_nan=False) + "\n"
    return Scripts(python=_python(plan, corrections), recipe=plan.recipe_toml, command=_command(plan, corrections))


def _plain_number(value: float) -> str:
    """Return a number without an exponent, which ``--interval`` does not take; all its digits."""
    return format(Decimal(repr(float(value))), "f")


# ------------------------------------------------------------------------------------------------ the shell


def _command(plan: RunPlan, corrections: str | None) -> str:
    named = [name for name in (*plan.channels, *plan.patterns) if "=" in name]
    if named:
        return f"# granum run cannot name the channel {named[0]!a}: use the Python script.\n"
    text = ""
    words = command_words(plan, edited=corrections is not None)
    if words[2] == _RECIPE_FILE:
        text += _here_document(_RECIPE_FILE, plan.recipe_toml)
    if plan.plate_map is not None:
        text += _here_document(_MAP_FILE, plan.plate_map)
    if corrections is not None:
        text += _here_document(_EDITS_FILE, corrections)
    return text + " \\\n  ".join(_in_lines(words)) + "\n"


def _in_lines(words: list[str]) -> Iterable[str]:
    """Yield the quoted words in lines: the command, one per input, one per option with its value."""
    yield " ".join(map(quote_word, words[:3]))
    rest = words[3:]
    while rest:
        n = 2 if rest[0].startswith("-") and rest[0] != "--video" else 1  # inputs are absolute paths
        yield " ".join(map(quote_word, rest[:n]))
        rest = rest[n:]


def quote_word(word: str) -> str:
    """Return a word for a POSIX shell (bash and zsh where it holds control characters).

    Control characters are spelt out: raw ones would act on the terminal into which the command is pasted.
    """
    if word.isprintable():
        return shlex.quote(word)
    spelt = ""
    for sign in word:
        if sign in "\\'":
            spelt += f"\\{sign}"
        else:
            spelt += sign if sign.isprintable() else "".join(f"\\{byte:03o}" for byte in sign.encode("utf-8"))
    return f"$'{spelt}'"


def _here_document(name: str, text: str) -> str:
    """Return the lines that write a text into a file, ended by a word that is not in the text."""
    end = "END"
    while end in text.splitlines():
        end += "_"
    return f"cat > {shlex.quote(name)} <<'{end}'\n{text}{end}\n"


# ------------------------------------------------------------------------------------------------ Python


def _python(plan: RunPlan, corrections: str | None) -> str:
    inputs = "".join(f"    {_literal(path)},\n" for path in plan.paths)
    options: list[tuple[str, Any]] = [
        ("channels", dict(plan.channels)),
        ("patterns", dict(plan.patterns)),
        ("pixel_size", plan.pixel_size),
        ("interval_s", plan.interval_s),
        ("z", plan.z),
        ("names", plan.names),
        ("plate_map", None if plan.plate_map is None else _MAP_FILE),
        ("video", plan.video or None),
        ("jobs", plan.processes),
    ]
    lines = [f"        {name}={_literal(value)},\n" for name, value in options if value not in (None, {})]
    edits = edits_text = ""
    imports = "import sys\n"
    if corrections is not None:
        imports = "import json\nimport sys\n"
        edits_text = (
            f"# corrections by hand: SHA-256 of the image, frame, edits\nEDITS = {_text_literal(corrections)}\n\n"
        )
        edits = "        edits=json.loads(EDITS),\n"
    map_text = map_file = ""
    if plan.plate_map is not None:
        imports += "from pathlib import Path\n"
        map_text = f"PLATE_MAP = {_text_literal(plan.plate_map)}\n\n"
        map_file = f'    Path({_literal(_MAP_FILE)}).write_text(PLATE_MAP, encoding="utf-8", newline="")\n'
    return (
        '"""Repeats a run of granum: python THIS_FILE [OUTPUT_FOLDER]"""\n\n'
        f"{imports}\n"
        "from granum.batch import run_batch\n"
        "from granum.recipe import parse_recipe\n\n"
        f"RECIPE = {_text_literal(plan.recipe_toml)}\n\n"
        f"INPUTS = [\n{inputs}]\n\n"
        f"{edits_text}{map_text}"
        'if __name__ == "__main__":  # each of several processes reads this file\n'
        f'    out = sys.argv[1] if len(sys.argv) > 1 else "{_OUT}"\n'
        f"{map_file}"
        "    summary = run_batch(\n        parse_recipe(RECIPE),\n        INPUTS,\n        out,\n"
        f"{''.join(lines)}{edits}    )\n"
        "    for failure in summary.failures:\n"
        '        print(f"failed: {failure}", file=sys.stderr)\n'
        '    print(f"{summary.n_objects} objects in {summary.n_done} images: {summary.out}")\n'
    )


def _literal(value: Any) -> str:
    """Return a value as Python, in double quotes where it is plain text."""
    if isinstance(value, str):
        plain = value.isprintable() and '"' not in value and "\\" not in value
        return f'"{value}"' if plain else repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(name)}: {_literal(item)}" for name, item in value.items()) + "}"
    return repr(value)


def _text_literal(text: str) -> str:
    """Return a text of several lines as Python: as it is where that is safe, line by line where it is not."""
    lines = text.splitlines(keepends=True)
    if all(line.rstrip("\n").isprintable() for line in lines) and "\\" not in text and '"""' not in text:
        return f'"""\\\n{text}"""'
    return "(\n" + "".join(f"    {line!r}\n" for line in lines) + ")"

"""`granum recipes`: the ready recipes, and what can be set in them."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from granum.channel_roles import ChannelRole
    from granum.steps import Setting

__all__ = ["describe_recipe", "recipes"]


def recipes(
    name: Annotated[str | None, typer.Argument(help="A ready recipe, or a TOML file.", metavar="[NAME]")] = None,
    toml: Annotated[bool, typer.Option("--toml", help="Print only the TOML, with all settings.")] = False,
) -> None:
    """List the ready recipes, or print one.

    It is printed as TOML with every setting, its range and what it means.
    """
    from granum.recipe import list_recipes, load_recipe

    if name is None:
        ready = list_recipes()
        width = max(map(len, ready))
        for known, summary in ready.items():
            typer.echo(f"{known:{width}}  {summary}")
        typer.echo("\ngranum recipes NAME prints one; save it as a TOML file to change it.")
        return
    typer.echo(load_recipe(name).to_toml() if toml else describe_recipe(name), nl=False)


def describe_recipe(name: str) -> str:
    """Return a recipe as TOML, every setting with its range or choices and its help as a comment."""
    from granum.recipe import load_recipe, to_toml_value
    from granum.steps import load_step

    recipe = load_recipe(name)
    lines = [f"name = {to_toml_value(recipe.name)}", f"summary = {to_toml_value(recipe.summary)}"]
    lines += [f"assay = {to_toml_value(recipe.assay)}"] if recipe.assay else []
    for role in recipe.roles:
        lines += ["", *_role_comment(role), f"[channels.{role.name}]", f"names = {to_toml_value(role.names)}"]
        lines += [f"optional = {to_toml_value(role.optional)}", f"about = {to_toml_value(role.about)}"]
    for step in recipe.steps:
        known = load_step(step.do)
        lines += ["", f"# {known.summary}", "[[step]]", f"do = {to_toml_value(step.do)}"]
        if step.from_:
            lines.append(f"from = {to_toml_value(step.from_)}")
        if step.into is not None:
            lines.append(f"into = {to_toml_value(step.into)}")
        for setting in known.settings.values():
            lines += ["", *_comment(setting), f"{setting.name} = {to_toml_value(step.settings[setting.name])}"]
    return "\n".join(lines) + "\n"


def _role_comment(role: ChannelRole) -> list[str]:
    """Return how a channel is given, as comment lines."""
    import textwrap

    names = ", ".join(role.names)
    also = f", also by another of its names: {names}" if names else ""
    text = f"--channel {role.name}=N, or a pattern of its files{also}. A channel that the file calls so is found."
    return [f"# {line}" for line in textwrap.wrap(text + (" May be missing." if role.optional else ""), 110)]


def _comment(setting: Setting) -> list[str]:
    """Return what a setting means and may be, as comment lines."""
    import textwrap

    text = setting.help or "See the reference."
    return [f"# {line}" for line in textwrap.wrap(f"{text} [{_values(setting)}]", 110)]


def _values(setting: Setting) -> str:
    parts: list[str] = list(setting.choices)
    kinds: Any = [setting.annotation, *typing.get_args(setting.annotation)]
    if setting.range is not None:
        parts.append(str(setting.range))
    elif not parts:
        names = (kind.__name__ for kind in kinds if inspect.isclass(kind) and kind is not type(None))
        words = {"bool": "true, false", "int": "a whole number", "float": "a number", "str": "text"}
        parts += [words.get(n, n) for n in names]
    if type(None) in kinds:
        parts.append('"none"')
    return ", ".join(parts)

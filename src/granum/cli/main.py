"""The command `granum`: its list of commands, its errors and its exit codes.

0 all done; 1 granum's own fault; 2 wrong usage, setting or recipe; 3 an input failed (and the rest are done);
130 and 143 stopped by Ctrl-C and by SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Annotated

import typer

from granum.cli.app import app as show_app
from granum.cli.demo import demo
from granum.cli.export import export
from granum.cli.info import info
from granum.cli.learn import learn
from granum.cli.predict import predict
from granum.cli.recipes import recipes
from granum.cli.run import run
from granum.cli.score import score
from granum.cli.simulate import simulate
from granum.cli.training_set import training_set
from granum.errors import GranumError, MissingExtraError, OutputError, SettingError

__all__ = ["Stopped", "commands", "exit_code", "main"]

commands = typer.Typer(
    name="granum",
    help="Turn micrographs into measured objects.",
    epilog="Exit codes: 0 all done, 1 granum's own fault, 2 wrong usage, 3 some inputs failed and the rest are done.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (run, predict, demo, info, recipes, simulate, score, export):
    commands.command()(command)
learn.command("training-set")(training_set)
commands.add_typer(learn, name="learn")
commands.command("app")(show_app)


class Stopped(BaseException):
    """Somebody asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _print_version(wanted: bool) -> None:
    if wanted:
        import granum

        typer.echo(f"granum {granum.__version__}")
        raise typer.Exit


@commands.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True, callback=_print_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; works everywhere.")] = False,
) -> None:
    """Turn micrographs into measured objects."""


def exit_code(error: Exception) -> int:
    """Return the exit code for an error: whose fault it is."""
    if isinstance(error, SettingError | OutputError | MissingExtraError):
        return 2
    return 3 if isinstance(error, GranumError) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; by default those of this process.
    """
    # read when the first kernel loads its threads, here and in processes that this one starts: threads that wait by
    # spinning take the cores from other work, on small images twice the time of the work itself
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = list(sys.argv[1:] if arguments is None else arguments)
    # the one option that belongs to no command, so that it may stand anywhere
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        commands(words, prog_name="granum")
    except Stopped as stopped:
        print("granum: stopped.", file=sys.stderr)
        return 128 + stopped.number
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(_one_line(error), file=sys.stderr)
        return exit_code(error)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, GranumError):
        return f"granum: {text}"
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    return f"granum's own fault: {type(error).__name__}: {text}{notes}; run again with --debug for the traceback."

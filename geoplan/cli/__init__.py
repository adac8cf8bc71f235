"""The command line: one file per command, thin over the library function of the same name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from geoplan.cli.assign import assign
from geoplan.cli.check import check
from geoplan.cli.describe import describe
from geoplan.cli.hydraulics import hydraulics
from geoplan.cli.map import coverage
from geoplan.cli.new import new
from geoplan.cli.options import PLAIN, printable
from geoplan.cli.phase import phase
from geoplan.cli.report import report
from geoplan.cli.tables import tables
from geoplan.errors import GeoplanError


class _Boundary(click.Group):
    """Turns every expected failure into a sentence on stderr and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GeoplanError as error:
            click.echo(printable(str(error)), err=True)
            if ctx.invoked_subcommand == "assign":
                click.echo(
                    "Nothing was written. Run `geoplan check` on the same file for every layer.", err=True
                )
            ctx.exit(error.exit_code)
        except (OSError, UnicodeError, MemoryError) as error:
            click.echo(printable(f"{type(error).__name__}: {error}"), err=True)
            ctx.exit(1)


@click.group(cls=_Boundary, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="geoplan")
def cli() -> None:
    """Plan which village gets which clean heating route, and say why."""


for command in (assign, check, describe, hydraulics, coverage, new, phase, report, tables):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script ``geoplan``."""
    for stream in (sys.stdout, sys.stderr):
        # A GBK or ASCII console must not stop a finished plan.
        stream.reconfigure(errors=PLAIN)  # type: ignore[union-attr]
    cli.main(args=arguments, prog_name="geoplan")

"""``geoplan check``: every problem of every layer at once; changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from geoplan.cli.options import county_options, parsed_locks, printable
from geoplan.errors import report
from geoplan.io import check_county


@click.command()
@county_options
@click.option("--strict", is_flag=True, help="Warnings count as problems.")
@click.pass_context
def check(ctx: click.Context, /, villages: Path, strict: bool, locks: tuple[str, ...], **where: Any) -> None:
    """List every problem of VILLAGES, of the layers beside it and of the policy."""
    problems = check_county(villages, locks=parsed_locks(locks), **where)
    if problems:
        click.echo(printable(report(problems)))
    errors = [p for p in problems if strict or p.severity == "error"]
    if errors:
        ctx.exit(1)
    click.echo(f"{villages}: no errors" if problems else f"{villages}: no problems")

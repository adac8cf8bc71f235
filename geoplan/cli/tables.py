"""``geoplan tables``: the workbook of a plan."""

from __future__ import annotations

from pathlib import Path

import click

from geoplan.cli.options import printable
from geoplan.folder import read_plan, write_tables


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The .xlsx file.")
def tables(plan: Path, output: Path) -> None:
    """Write the annex tables, the money, the years and the ledger of PLAN as a workbook."""
    click.echo(printable(str(write_tables(read_plan(plan), output))))

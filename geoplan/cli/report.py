"""``geoplan report``: the plan as a Word document in the official layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from geoplan.cli.options import printable
from geoplan.folder import read_plan


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The .docx file.")
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    help="Your own .docx: its page and styles are kept, its text is not.",
)
@click.option(
    "--public", is_flag=True, help="Without diameters, pressures and voltages; gas and grid made coarse."
)
@click.option(
    "--dpi", type=click.IntRange(50, 600), default=200, show_default=True, help="Of the maps, on A3."
)
def report(plan: Path, output: Path, **options: Any) -> None:
    """Write the report of PLAN: chapters, maps, tables and annexes in a Word document."""
    # Here, because drawing takes a second to load and no other command needs it.
    from geoplan.report.save import write_report  # noqa: PLC0415

    click.echo(printable(str(write_report(read_plan(plan), output, **options))))

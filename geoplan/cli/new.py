"""``geoplan new``: a county folder to start from."""

from __future__ import annotations

from pathlib import Path

import click

from geoplan.io.start import new_county


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "like", metavar="COUNTY", help="Copy a county that ships instead of a skeleton.")
def new(folder: Path, like: str | None) -> None:
    """Start a county folder in DIR: a commented policy, villages to replace and a read-me."""
    villages = new_county(folder.resolve(), like=like)
    shown = folder / villages.name
    datum = "" if villages.suffix == ".geojson" else " --datum wgs84"
    click.echo(f"geoplan check {shown}{datum}")
    click.echo(f"geoplan assign {shown}{datum}")

"""``geoplan describe``: the columns of a table, or the merged policy with the origin of every number."""

from __future__ import annotations

from pathlib import Path

import click

from geoplan.columns import LAYER_GEOMETRY, table
from geoplan.errors import InputError, Problem
from geoplan.policy import keys, load_policy
from geoplan.tables import parameters


@click.command()
@click.argument("what", type=click.Choice(["policy", "keys", *LAYER_GEOMETRY, "options", "links", "sources"]))
@click.option(
    "-p",
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path),
    help="Policy file laid over the default.",
)
@click.option(
    "--overlay", "overlays", multiple=True, type=click.Path(path_type=Path), help="Further policy file."
)
def describe(what: str, policy_file: Path | None, overlays: tuple[Path, ...]) -> None:
    """Describe WHAT: the merged ``policy``, the ``keys`` a policy may have, or the columns of a table."""
    if what == "keys":
        for path, kind in keys():
            click.echo(f"{path}\t{kind}")
        return
    if what != "policy":
        for column in table(what).values():
            required = "required" if column.required else "optional"
            click.echo(
                "\t".join(
                    (column.name, column.dtype, column.unit or "-", required, column.zh, column.description)
                )
            )
        return
    files = [f for f in (policy_file, *overlays) if f is not None]
    for row in parameters(load_policy([(f.name, _text(f)) for f in files])).itertuples(index=False):
        click.echo("\t".join(map(str, row)))


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(f"cannot be read: {error}", file=str(file))) from error

"""``geoplan check``: every problem of every layer at once; changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from geoplan.cli.options import county_options, parsed_datum, parsed_locks, printable
from geoplan.errors import Problem, report
from geoplan.explain import Explainer
from geoplan.io import check_county, read_county
from geoplan.options import policy_notes
from geoplan.supplies import layer_notes


@click.command()
@county_options
@click.option("--strict", is_flag=True, help="Warnings count as problems.")
@click.pass_context
def check(
    ctx: click.Context,
    /,
    villages: Path,
    strict: bool,
    locks: tuple[str, ...],
    datum: tuple[str, ...],
    **where: Any,
) -> None:
    """List every problem of VILLAGES, of the layers beside it and of the policy."""
    how = {"locks": parsed_locks(locks), "datum": parsed_datum(datum)} | where
    problems = check_county(villages, **how)
    if not any(p.severity == "error" for p in problems):
        county = read_county(villages, **how)
        explainer = Explainer({})
        said = {"policy.toml": policy_notes(county.villages, county.policy), "layers": layer_notes(county)}
        problems += tuple(
            Problem(explainer.note(note), file=file, severity="warning")
            for file, notes in said.items()
            for note in notes
        )
    if problems:
        click.echo(printable(report(problems)))
    errors = [p for p in problems if strict or p.severity == "error"]
    if errors:
        ctx.exit(1)
    click.echo(f"{villages}: no errors" if problems else f"{villages}: no problems")

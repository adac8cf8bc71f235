"""``geoplan describe``: the columns of every table, the keys of a policy, and the origin of every number."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from geoplan.errors import InputError, Problem
from geoplan.glossary import TABLES, described_columns, described_keys, described_published
from geoplan.policy import Policy, load_policy
from geoplan.tables import parameters


@click.command()
@click.argument("what", required=False, type=click.Choice(["policy", "keys", "published", *TABLES]))
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
def describe(what: str | None, policy_file: Path | None, overlays: tuple[Path, ...]) -> None:
    """Describe WHAT: the merged `policy`, the `keys` a policy may have, or the columns of a table.

    `published` lists the keys of a published.toml, which holds what a document prints. Without WHAT:
    everything. One row per line, cells separated by tabs. A number of the policy comes with the file,
    the source and the confidence it was taken from.
    """
    files = [f for f in (policy_file, *overlays) if f is not None]
    policy = load_policy([(f.name, _text(f)) for f in files])
    if what is not None:
        _print(_described(what, policy))
        return
    for name in (*TABLES, "published", "keys", "policy"):
        frame = _described(name, policy)
        click.echo("\t".join((f"# {name}", *frame.columns)))
        _print(frame)


def _described(what: str, policy: Policy) -> pd.DataFrame:
    if what == "policy":
        return parameters(policy)
    if what == "published":
        return described_published()
    return described_keys(policy) if what == "keys" else described_columns(what)


def _print(frame: pd.DataFrame) -> None:
    for row in frame.itertuples(index=False):
        click.echo("\t".join(map(str, row)))


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(f"cannot be read: {error}", file=str(file))) from error

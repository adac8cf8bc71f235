"""``geoplan assign``: from the villages file to the plan's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geoplan.cli.options import county_options, parsed_datum, parsed_locks, printable
from geoplan.errors import InfeasibleError, InputError, Problem
from geoplan.explain import number, route_label
from geoplan.folder import FILES, PLANS, refuse_place, write_plan
from geoplan.io import read_county
from geoplan.model import Plan
from geoplan.optimum import PROVED, TIME_LIMIT_S, Objective
from geoplan.planner import Method
from geoplan.planner import assign as assign_county
from geoplan.tables import by_town_and_route, said_of_optimum


@click.command()
@county_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder of the plan; default maps/<county>, of an optimum maps/<county>-optimum.",
)
@click.option("--method", type=click.Choice(get_args(Method)), default="cascade", show_default=True)
@click.option(
    "--objective",
    type=click.Choice(get_args(Objective)),
    default="society",
    show_default=True,
    help="What the optimum makes least.",
)
@click.option(
    "--gap", type=click.FloatRange(0, 1), default=PROVED, show_default=True, help="Gap at which it may stop."
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=1),
    default=TIME_LIMIT_S,
    show_default=True,
    help="Wall time of the optimum. [s]",
)
@click.option("--strict", is_flag=True, help="Warnings and deferred villages are errors.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.option("--tianditu-token", help="Your own key; adds the Tianditu base map to the page.")
def assign(
    villages: Path,
    output: Path | None,
    method: Any,
    objective: Any,
    gap: float,
    time_limit: float,
    strict: bool,
    lang: str,
    tianditu_token: str | None,
    locks: tuple[str, ...],
    datum: tuple[str, ...],
    **where: Any,
) -> None:
    """Assign a heating route to every village of VILLAGES and write the plan."""
    if output is not None:
        refuse_place(output)
    county = read_county(villages, locks=parsed_locks(locks), datum=parsed_datum(datum), **where)
    if strict and county.notes:
        raise InputError(county.notes)
    plan = assign_county(
        county, method=method, objective=objective, gap=gap, time_limit_s=time_limit, lang=lang
    )
    for note in plan.provenance["notes"]:
        click.echo(printable(f"note: {note}"), err=True)
    if strict:
        _refuse_notes(plan)
        _refuse_deferred(plan)
    name = county.name if method == "cascade" else f"{county.name}-{method}"
    folder = write_plan(plan, output or PLANS / name, tianditu_token=tianditu_token)
    _print(plan, folder)


def _refuse_notes(plan: Plan) -> None:
    """Under ``--strict`` what the run has to say is an error."""
    if plan.provenance["notes"]:
        raise InputError(Problem(note, layer="layers") for note in plan.provenance["notes"])


def _refuse_deferred(plan: Plan) -> None:
    """Under ``--strict`` a village without a feasible route stops the run."""
    left = plan.villages[
        (plan.villages["route"] == "deferred") & (plan.villages["households"].astype(int) > 0)
    ]
    if len(left):
        lines = [
            f"  * {row.village_id} {row.name_}: {row.reason}"
            for row in left.rename(columns={"name": "name_"}).itertuples()
        ]
        head = f"{len(left)} villages have no feasible route."
        raise InfeasibleError("\n".join([head, *lines, "Raise a limit in the policy or add capacity."]))


def _print(plan: Plan, folder: Path) -> None:
    """Households by town and route, load of every source, and where the files are."""
    console = Console(highlight=False, soft_wrap=True)
    totals = Table(title=Text(f"{plan.policy.title}（户）"), title_justify="left")
    frame = by_town_and_route(plan)
    for column in frame.columns:
        totals.add_column(Text(str(column)), justify="left" if column == "乡镇" else "right")
    for row in frame.itertuples(index=False):
        totals.add_row(*(Text("" if value is None else str(value)) for value in map(_known, row)))
    console.print(totals)
    waiting = plan.summary["households_by_route"].get("deferred", 0)
    if waiting:
        share = 100.0 * waiting / plan.summary["households"]
        console.print(Text(f"暂缓 {waiting} 户（{share:.0f} %）没有可行方式，理由见台账", style="bold red"))
    loads = Table(title="供应能力", title_justify="left")
    for heading, side in (
        ("来源", "left"),
        ("供应", "left"),
        ("占用", "right"),
        ("能力", "right"),
        ("单位", "left"),
        ("%", "right"),
    ):
        loads.add_column(heading, justify=side)  # type: ignore[arg-type]
    for source in plan.summary["sources"]:
        share = 100.0 * source["used"] / source["capacity"] if source["capacity"] else 0.0
        label = "电力" if source["route"] == "electricity" else route_label(source["route"])
        name = source["name"] or source["source_id"]
        cells = (
            name,
            label,
            number(source["used"]),
            number(source["capacity"]),
            source["unit"],
            f"{share:.0f}",
        )
        loads.add_row(*map(Text, cells))
    console.print(loads)
    if "optimum" in plan.summary:
        _print_comparison(console, plan.summary["optimum"])
    for name in FILES:
        console.print(Text(str(folder / name)))


def _print_comparison(console: Console, found: Mapping[str, Any]) -> None:
    """Cascade and optimum side by side, and how well it is proved."""
    for line in said_of_optimum(found):
        console.print(Text(line))


def _known(value: Any) -> Any:
    """A cell, or None where the table is empty."""
    return None if value is None or str(value) == "<NA>" else value

"""``geoplan phase``: the years of a plan, its own or under other targets and budgets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geoplan.cli.options import printable
from geoplan.columns import ROUTES
from geoplan.explain import number, route_label
from geoplan.folder import FILES, read_plan, refuse_place, write_plan
from geoplan.model import Plan
from geoplan.phasing import purse_label, with_years
from geoplan.policy import Origin, Policy
from geoplan.provisions import LEVELS, Budget, Targets

#: The rows of numbers, and how they are called.
HEADINGS = {"households": "安排", "target": "目标", "difference": "差额", "villages": "村数"}

_TARGET = re.compile(r"(?P<year>(?:19|20)\d\d)=(?P<households>\d+)")
_BUDGET = re.compile(r"(?P<payer>\w+):(?P<year>(?:19|20)\d\d)=(?P<wan>\d+(?:\.\d+)?)")


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--target", "targets", multiple=True, metavar="YEAR=HOUSEHOLDS", help="Households wanted in a year."
)
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="PAYER:YEAR=WAN",
    help=f"Capital subsidies that a payer ({', '.join(LEVELS)}) can pay in a year, in 万元.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the plan with these years here.")
def phase(plan: Path, targets: tuple[str, ...], budgets: tuple[str, ...], output: Path | None) -> None:
    """Show the years of PLAN, a plan's folder; with other targets or budgets, plan them anew."""
    by_year, money = _targets(targets), _budgets(budgets)
    if output is not None:
        refuse_place(output)
    found = read_plan(plan)
    if by_year or money:
        found = with_years(found, policy=amended(found.policy, by_year, money))
        if by_year and (said := _unequal(found)):
            click.echo(f"note: {said}", err=True)
        click.echo(
            "note: planned anew: compared with these targets, no longer with what the document prints",
            err=True,
        )
    if output is not None:
        write_plan(found, output)
    elif by_year or money:
        click.echo("note: nothing was written (未写入); add -o FOLDER to keep these years", err=True)
    console = Console(highlight=False, soft_wrap=True)
    console.print(year_table(found.summary["phasing"], title=found.policy.title))
    for row in found.summary["phasing"]:
        if row["binding"]:
            said = row["binding"] if row["year"] is None else f"{row['year']}：{row['binding']}"
            console.print(Text(printable(said)))
    for name in FILES if output is not None else ():
        console.print(Text(f"{output}/{name}"))


def _unequal(plan: Plan) -> str:
    """What the targets make, where that is not the households of the plan."""
    wanted = round(sum(plan.policy.targets.by_year.values()))
    there = int(plan.villages["households"].sum())
    return "" if wanted == there else f"the yearly targets make {wanted} households; the plan has {there}"


def _targets(texts: Sequence[str]) -> dict[str, float]:
    """``YEAR=HOUSEHOLDS`` as households by year."""
    return {
        m["year"]: float(m["households"]) for m in _matches(_TARGET, texts, "--target", "YEAR=HOUSEHOLDS")
    }


def _budgets(texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """``PAYER:YEAR=WAN`` as money by payer and year. [万元]"""
    found: dict[str, dict[str, float]] = {}
    for match in _matches(_BUDGET, texts, "--budget", "PAYER:YEAR=WAN"):
        if match["payer"] not in LEVELS:
            known = ", ".join(LEVELS)
            raise click.BadParameter(
                f"unknown payer {match['payer']!r}; known are {known}", param_hint="--budget"
            )
        found.setdefault(match["payer"], {})[match["year"]] = float(match["wan"])
    return found


def _matches(pattern: re.Pattern[str], texts: Sequence[str], option: str, shape: str) -> list[re.Match[str]]:
    found = [(text, pattern.fullmatch(text)) for text in texts]
    wrong = [text for text, match in found if match is None]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not {shape}", param_hint=option)
    return [match for _, match in found if match is not None]


def amended(policy: Policy, targets: Mapping[str, float], money: Mapping[str, Mapping[str, float]]) -> Policy:
    """The policy with other yearly targets and with other capital budgets of some payers.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> policy = amended(default_policy(), {"2023": 500.0}, {"central": {"2023": 100.0}})
    >>> policy.targets.by_year, policy.budgets["central"].wan_cny_by_year
    ({'2023': 500.0}, {'2023': 100.0})
    """
    budgets = dict(policy.budgets)
    for payer, by_year in money.items():
        purse = [name for name, b in budgets.items() if (b.payer, b.kind) == (payer, "capital")]
        known: dict[str, float] = {}
        for name in purse:
            for year, wan in budgets.pop(name).wan_cny_by_year.items():
                known[year] = known.get(year, 0.0) + wan
        given: Any = {"payer": payer, "wan_cny_by_year": dict(sorted({**known, **by_year}.items()))}
        budgets[payer] = Budget.model_validate(given)
    wanted = Targets(by_year=dict(sorted({**policy.targets.by_year, **targets}.items())))
    origins = {f"targets.by_year.{year}": Origin("--target") for year in targets}
    origins |= {f"budgets.{p}.wan_cny_by_year.{y}": Origin("--budget") for p in money for y in money[p]}
    sections = {"targets": policy.targets.model_copy(update={"by_year": wanted.by_year}), "budgets": budgets}
    return policy.amended(sections, origins=origins)


def year_table(rows: Sequence[Mapping[str, Any]], *, title: str) -> Table:
    """The years side by side: households against targets, by route, and money against budgets.

    Routes and purses with nothing in any year are left out.
    """
    table = Table(title=Text(printable(f"{title}：分年度计划（户、村、万元）")), title_justify="left")
    table.add_column("项目")
    for row in rows:
        table.add_column(_year(row), justify="right")
    routes = [route for route in ROUTES if any(row["by_route"].get(route) for row in rows)]
    money = {"spent_wan_cny": "", "budget_wan_cny": "  预算"}
    purses = dict.fromkeys(
        purse for row in rows for key in money for purse, wan in row[key].items() if wan != 0
    )
    lines = [(label, [row[key] for row in rows]) for key, label in HEADINGS.items()]
    lines += [(route_label(route), [row["by_route"].get(route) for row in rows]) for route in routes]
    lines += [
        (heading or purse_label(purse), [_money(row[key], purse) for row in rows])
        for purse in purses
        for key, heading in money.items()
    ]
    for heading, cells in lines:
        if any(cell is not None for cell in cells):
            table.add_row(heading, *("" if cell is None else str(cell) for cell in cells))
    return table


def _year(row: Mapping[str, Any]) -> str:
    return "未列" if row["year"] is None else str(row["year"])


def _money(amounts: Mapping[str, float | None], purse: str) -> str | None:
    """An amount in 万元; None where there is none to show."""
    if purse not in amounts:
        return None
    amount = amounts[purse]
    return "待定" if amount is None else number(round(amount, 2))

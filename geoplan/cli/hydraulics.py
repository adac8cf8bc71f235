"""``geoplan hydraulics``: flows, pressures and pump heads of a plan's heat network."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geoplan.cli.options import printable
from geoplan.explain import number
from geoplan.folder import read_plan
from geoplan.hydraulics import Hydraulics, check_hydraulics
from geoplan.manifest import refuse_inside

#: Headings of the columns printed, in their order; numbers stand to the right.
SOURCES = {
    "name": "热源",
    "flow_t_per_h": "流量 t/h",
    "pump_head_m": "循环泵扬程 m",
    "critical_name": "最不利村",
    "critical_loss_kpa": "供回水管损失 kPa",
}
VIOLATIONS = {"what": "超限", "where": "位置", "measured": "实测", "limit": "限值", "unit": "单位"}
#: What may be above its limit, as it is printed.
WHAT = {
    "friction": "比摩阻",
    "velocity": "流速",
    "pump head": "循环泵扬程",
    "static pressure": "静压",
    "working pressure": "运行压力",
}
#: The greatest of these among the pipes is printed, with its heading and unit.
GREATEST = {"friction_pa_per_m": ("最大比摩阻", "Pa/m"), "velocity_m_per_s": ("最大流速", "m/s")}


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the pipes as a CSV file.")
@click.option("--nodes", type=click.Path(path_type=Path), help="Write the pressures as a CSV file.")
def hydraulics(plan: Path, output: Path | None, nodes: Path | None) -> None:
    """Check the heat network of PLAN, a plan's folder: pump heads, worst villages, what is above a limit.

    Needs pandapipes: `pip install geoplan[hydraulics]`.
    """
    for file in filter(None, (output, nodes)):
        refuse_inside(file)
    found = read_plan(plan)
    checked = check_hydraulics(found)
    for note in checked.notes:
        click.echo(printable(f"note: {note}"), err=True)
    files = [(file, frame) for file, frame in ((output, checked.pipes), (nodes, checked.nodes)) if file]
    for file, frame in files:
        # With the mark that tells a spreadsheet the encoding.
        frame.to_csv(file, index=False, encoding="utf-8-sig")
    if len(checked.sources):
        _print(checked, title=found.policy.title)
    for file, _ in files:
        click.echo(printable(str(file)))


def _print(checked: Hydraulics, *, title: str) -> None:
    """Sources, the pipes that lose most and run fastest, and what is above its limit."""
    console = Console(highlight=False, soft_wrap=True)
    sources = checked.sources.assign(
        name=checked.sources["name"].where(lambda s: s != "", checked.sources["source_id"])
    )
    console.print(_listed(sources, SOURCES, title=f"{title}：热网水力校核"))
    for column, (heading, unit) in GREATEST.items():
        if len(checked.pipes):
            worst = checked.pipes.loc[checked.pipes[column].idxmax()]
            said = f"{heading} {number(worst[column])} {unit}：{worst['from_id']} > {worst['to_id']}"
            console.print(Text(printable(said)))
    if not checked.violations:
        console.print("没有超限")
        return
    rows = pd.DataFrame([vars(violation) for violation in checked.violations])
    console.print(_listed(rows.assign(what=rows["what"].map(WHAT)), VIOLATIONS, title="超限"))


def _listed(frame: pd.DataFrame, headings: dict[str, str], *, title: str) -> Table:
    """A table of the terminal: the columns named, with their headings."""
    table = Table(title=Text(printable(title)), title_justify="left")
    for column, heading in headings.items():
        numeric = pd.api.types.is_numeric_dtype(frame[column])
        table.add_column(heading, justify="right" if numeric else "left")
    for row in frame[list(headings)].itertuples(index=False):
        cells = (number(cell) if isinstance(cell, float) else str(cell) for cell in row)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table

"""``geoplan map``: the map of a plan, as a page that moves or as sheets of paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from geoplan.cli.options import printable
from geoplan.folder import read_plan, refuse_sheets, write_map
from geoplan.model import Plan
from geoplan.policy import Origin
from geoplan.schema import printed_date


def _dated(text: str | None) -> str | None:
    """A date that the calendar has, as it is printed."""
    try:
        printed_date(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is {error}") from None
    return text


#: Options that only one of the two kinds of map knows.
OF_PAGES = ("tiles", "token", "embed", "strict_csp")
OF_SHEETS = ("formats", "themes", "dpi")
SPOKEN = {"zh": "Chinese", "en": "English"}
#: Resolution of a picture that is printed.
DPI = 300


@click.command(name="map")
@click.argument("folder", metavar="PLAN", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The .html file, or with --static the folder; default <plan>-map.html or <plan>-maps here.",
)
@click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    default="zh",
    show_default=True,
    help="Of headings and labels; reasons keep the language of the plan (geoplan assign --lang en).",
)
@click.option("--public", is_flag=True, help="For the public: gas and grid generalised, no technical data.")
@click.option("--maker", metavar="UNIT", help="制图单位; default that of the policy, or a blank line.")
@click.option(
    "--date",
    callback=lambda _, __, text: _dated(text),
    help="Date on the map, for example 2024-05-01 or 2024年5月; default that of the policy, or a blank line.",
)
@click.option("--tiles", type=click.Choice(["tianditu"]), help="Base map from a server; needs --token.")
@click.option("--token", help="Your own key of that server. It is written into the page.")
@click.option("--embed", is_flag=True, help="A fragment to put into another page.")
@click.option("--strict-csp", is_flag=True, help="Name script and style by their hashes.")
@click.option("--static", is_flag=True, help="Still maps on A3 instead of a page.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["png", "svg", "pdf"]),
    help="Of the still maps; may be repeated. Default png.",
)
@click.option(
    "--theme",
    "themes",
    multiple=True,
    help="One still map, for example routes; may be repeated. Default all.",
)
@click.option("--dpi", type=click.IntRange(50, 1200), help=f"Of the still maps in png. Default {DPI}.")
@click.pass_context
def coverage(ctx: click.Context, /, folder: Path, static: bool, output: Path | None, **options: Any) -> None:
    """Write the map of PLAN, a plan's folder: one page that works without a network, or still maps."""
    _refuse(
        ctx, OF_PAGES if static else OF_SHEETS, said="without --static" if not static else "with --static"
    )
    if (options["tiles"] is None) != (options["token"] is None):
        raise click.UsageError("--tiles and --token go together: the base map needs your own key", ctx=ctx)
    plan = _signed(read_plan(folder), {"maker": options.pop("maker"), "map_date": options.pop("date")})
    name = folder.resolve().name + ("-public" if options["public"] else "")
    if static:
        written = _sheets(plan, output or Path(f"{name}-maps"), **options)
    else:
        written = [_page(plan, output or Path(f"{name}-map.html"), **options)]
    for file in written:
        click.echo(printable(str(file)))


def _refuse(ctx: click.Context, names: tuple[str, ...], *, said: str) -> None:
    """Stop at an option that would do nothing."""
    given = [p for p in ctx.command.params if p.name in names and ctx.params[p.name] not in (None, False, ())]
    if given:
        raise click.UsageError(f"{given[0].opts[0]} has no effect {said}", ctx=ctx)


def _signed(plan: Plan, given: Mapping[str, str | None]) -> Plan:
    """The plan with what the command says of who draws it and when."""
    said = {key: text for key, text in given.items() if text}
    return replace(plan, policy=plan.policy.amended(said, origins=dict.fromkeys(said, Origin("geoplan map"))))


def _page(plan: Plan, file: Path, *, token: str | None, **options: Any) -> Path:
    if token is not None:
        click.echo(f"warning: the key of the tile server can be read by everybody who has {file}", err=True)
    lang, spoken = options["lang"], plan.provenance.get("lang", "zh")
    if lang != spoken:
        remedy = f"`geoplan assign --lang {lang}` gives {SPOKEN[lang]} ones"
        click.echo(f"note: the reasons of this plan are {SPOKEN[spoken]} and stay so; {remedy}", err=True)
    known = ("lang", "public", "embed", "strict_csp")
    return write_map(plan, file, tianditu_token=token, **{name: options[name] for name in known})


def _sheets(
    plan: Plan,
    folder: Path,
    *,
    formats: tuple[str, ...],
    themes: tuple[str, ...],
    dpi: int | None,
    lang: Any,
    public: bool,
    **_: Any,
) -> list[Path]:
    # Drawing on paper needs matplotlib, which nothing else here should wait for.
    from geoplan.staticmap import THEMES, unwritable, write_still_maps  # noqa: PLC0415

    unknown = [theme for theme in themes if theme not in THEMES]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(THEMES)}", param_hint="--theme")
    refuse_sheets(folder)
    for problem in unwritable(plan):
        click.echo(printable(f"warning: {problem}"), err=True)
    return write_still_maps(
        plan,
        folder,
        formats=formats or ("png",),
        themes=themes or None,
        dpi=dpi or DPI,
        lang=lang,
        public=public,
    )

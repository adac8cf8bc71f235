"""Still maps of a plan: one theme on one sheet, for the printed report."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from geoplan.errors import InputError, Problem
from geoplan.files import write_whole
from geoplan.made import made_layers
from geoplan.mapdata import LANGS, Lang
from geoplan.mapdata.page import said_by
from geoplan.model import Plan
from geoplan.public import public_plan
from geoplan.staticmap import effects, networks, outcomes
from geoplan.staticmap.content import Content
from geoplan.staticmap.fonts import SECOND, family, lacking
from geoplan.staticmap.png import small_png
from geoplan.staticmap.sheet import composed
from geoplan.staticmap.view import A3, Paper, View, words
from geoplan.tables.sheet import years_said

_DRAWN: dict[str, Callable[[View], Content]] = {
    "present": networks.present,
    "heat": networks.heat,
    "gas": networks.gas,
    "grid": networks.grid,
    "routes": outcomes.routes,
    "years": outcomes.years,
    "connection": outcomes.connection,
    "money": effects.money,
    "emissions": effects.emissions,
}
#: Themes in the order of a report.
THEMES = tuple(_DRAWN)
#: Size of the signs of villages where pipes are what is to be seen.
SIZES = {"heat": 0.6, "gas": 0.6}
FORMATS = ("png", "svg", "pdf")
#: Nothing of the clock is written: same plan, same bytes.
METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "geoplan"},
    "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": "geoplan"},
}


@contextmanager
def _settings() -> Iterator[None]:
    """Matplotlib as this package needs it, whatever the user's own settings."""
    with mpl.rc_context():
        with mpl.rc_context():
            mpl.rcdefaults()
            own = {
                k: v
                for k, v in mpl.rcParams.items()
                if k not in ("backend", "backend_fallback", "interactive")
            }
        mpl.rcParams.update(own)
        mpl.rcParams.update(
            {
                "font.family": [family(), SECOND],
                "text.parse_math": False,
                "text.usetex": False,
                "lines.scale_dashes": False,
                "svg.hashsalt": "geoplan",
                "svg.fonttype": "path",
                "pdf.fonttype": 3,
                "axes.unicode_minus": False,
                "path.simplify": True,
            }
        )
        yield


def title_of(plan: Plan, theme: str, lang: Lang = "zh") -> str:
    """Title of a theme, as it stands on the sheet and under the figure of a report.

    Parameters
    ----------
    plan : Plan
        Gives the years that the theme of the years names.
    theme : str
        One of `THEMES`.
    lang : {"zh", "en"}

    Raises
    ------
    InputError
        There is no such theme or language.

    Examples
    --------
    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> plan = SimpleNamespace(villages=pd.DataFrame({"year": [2021, 2023, 2022, None]}))
    >>> title_of(plan, "routes"), title_of(plan, "years"), title_of(plan, "heat", "en")
    ('技术路径分区图', '分年度实施图（2021—2023）', 'Heat sources and district-heating network')
    """
    _refuse([theme], lang)
    title = str(words()["titles"][theme][lang])
    years = outcomes.planned_years(plan) if theme == "years" else []
    return str(words()["words"]["of"][lang]).format(title, years_said(years)) if years else title


def still_map(
    plan: Plan, theme: str, *, lang: Lang = "zh", public: bool = False, paper: Paper = A3
) -> Figure:
    """One theme of a plan on a sheet, landscape.

    Parameters
    ----------
    plan : Plan
        What it does not have is not drawn, and the sheet says so.
    theme : str
        One of `THEMES`.
    lang : {"zh", "en"}
    public : bool
        Gas and grid on a coarse grid, without pressures, voltages, diameters, loads
        and capacities of the grid; see `geoplan.public.public_plan`.
    paper : Paper
        Size in which it is to be printed; the scale is that on this paper. [mm]

    Returns
    -------
    matplotlib.figure.Figure
        As large as the paper.

    Raises
    ------
    InputError
        There is no such theme or language, or no installed font has Chinese.
    """
    _refuse([theme], lang)
    view = View(public_plan(plan) if public else plan, lang, public, SIZES.get(theme, 1.0), paper)
    with _settings():
        content = _DRAWN[theme](view)
        content = replace(
            content, notes=(*content.notes, *_unlocated(view), *_made_note(view, content.stems))
        )
        return composed(view, content, title=title_of(plan, theme, lang), said=_last(view))


def still_png(
    plan: Plan, theme: str, *, dpi: int = 300, lang: Lang = "zh", public: bool = False, paper: Paper = A3
) -> bytes:
    """One theme of a plan as a picture, the same bytes for the same plan.

    Parameters
    ----------
    plan, theme, lang, public, paper
        As for `still_map`.
    dpi : int
        Dots to the inch; A3 at 300 is 4961 by 3508.

    Returns
    -------
    bytes
        PNG.
    """
    return _bytes(still_map(plan, theme, lang=lang, public=public, paper=paper), "png", dpi=dpi)


def write_still_maps(
    plan: Plan,
    folder: str | Path,
    *,
    formats: Sequence[str] = ("png",),
    dpi: int = 300,
    themes: Sequence[str] | None = None,
    lang: Lang = "zh",
    public: bool = False,
) -> list[Path]:
    """Write the still maps of a plan, one file for each theme and format.

    Parameters
    ----------
    plan, lang, public
        As for `still_map`.
    folder : path
        Made where it is missing; files of the same names are replaced.
    formats : sequence of {"png", "svg", "pdf"}
    dpi : int
        Of the pictures.
    themes : sequence of str, optional
        Those of `THEMES` that are wanted; all where it is not given.

    Returns
    -------
    list of Path
        The files, in the order of the themes: ``05-routes.png``.

    Raises
    ------
    InputError
        A theme, a format or the language is not known, no font has Chinese, or the disk did not
        take a file.
    """
    wanted = list(THEMES if themes is None else dict.fromkeys(themes))
    _refuse(wanted, lang, formats=formats)
    folder = Path(folder)
    files = []
    for theme in sorted(wanted, key=THEMES.index):
        figure = still_map(plan, theme, lang=lang, public=public)
        for kind in dict.fromkeys(formats):
            file = folder / f"{THEMES.index(theme) + 1:02d}-{theme}.{kind}"
            files.append(write_whole(file, _bytes(figure, kind, dpi=dpi)))
    return files


def unwritable(plan: Plan) -> list[Problem]:
    """Names whose characters no installed font has; the maps show 〓 in their place.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    list of Problem
        A warning for each column of names that holds such characters.
    """
    named = {
        "villages.name": plan.villages.get("name"),
        "villages.town": plan.villages.get("town"),
        "sources.name": plan.sources.get("name"),
        **{
            f"{stem}.name": plan.layers[stem].get("name")
            for stem in ("towns", "rivers")
            if stem in plan.layers
        },
    }
    found = []
    for where, names in named.items():
        texts = [] if names is None else [str(n) for n in names.dropna().unique() if lacking(str(n))]
        if texts:
            lost = "".join(dict.fromkeys("".join(lacking(t) for t in texts)))
            codes = ", ".join(f"{c} U+{ord(c):04X}" for c in lost)
            layer, column = where.split(".")
            remedy = "install a font that has them; the maps show 〓"
            message = f"the font {family()} has no {codes}"
            found.append(
                Problem(
                    message, layer=layer, column=column, ids=tuple(texts), remedy=remedy, severity="warning"
                )
            )
    return found


def _refuse(themes: Sequence[str], lang: str, *, formats: Sequence[str] = ()) -> None:
    problems = [
        Problem(f"there is no {what} {value!r}", remedy=f"choose from {', '.join(known)}")
        for what, values, known in (
            ("theme", themes, THEMES),
            ("format", formats, FORMATS),
            ("language", [lang], LANGS),
        )
        for value in values
        if value not in known
    ]
    if problems:
        raise InputError(problems)


def _bytes(figure: Figure, kind: str, *, dpi: int) -> bytes:
    """The file of a sheet."""
    out = io.BytesIO()
    with _settings():
        if kind == "png":
            figure.set_dpi(dpi)
            figure.canvas.draw()
            drawn = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
            return small_png(drawn, dpi=dpi)
        figure.savefig(out, format=kind, metadata=METADATA[kind])
    return out.getvalue()


def _last(view: View) -> tuple[str, ...]:
    """Coordinate system; who drew it and when; what the map is not."""
    said, policy = view.words, view.plan.policy
    crs = view.plan.villages.crs
    name = re.sub(r"CGCS2000 / 3-degree Gauss-Kruger CM (\d+)E", said["cgcs2000"], crs.name)
    code = f" (EPSG:{crs.to_epsg()})" if crs.to_epsg() else ""
    disclaimer = str(getattr(policy, "disclaimer", "") or "")
    return (
        said["crs"].format(name + code),
        view.say("made_by", said_by(policy, "maker") or view.say("blank")),
        view.say("made_on", said_by(policy, "map_date") or view.say("blank")),
        *([said["public"]] if view.public else []),
        said["disclaimer"],
        *([disclaimer] if disclaimer else []),
    )


def _unlocated(view: View) -> tuple[str, ...]:
    """Villages that no map can show."""
    plan = view.plan.villages
    lost = plan[plan.geometry.isna() | plan.geometry.is_empty]
    if lost.empty:
        return ()
    return (view.say("unlocated", len(lost), f"{int(lost['households'].fillna(0).sum()):,}"),)


def _made_note(view: View, stems: Sequence[str]) -> tuple[str, ...]:
    """Which of the layers that are shown hold made data."""
    labels = [view.layers[stem] for stem in made_layers(view.plan) if stem in {"villages", *stems}]
    said = view.words
    return (said["made"] + said["listing"].join(labels) + said["made_tail"],) if labels else ()

"""The report: a Word document in the official layout, every number of its text out of its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from geoplan.made import made_said
from geoplan.model import Plan
from geoplan.report.blocks import Annex, Block, numbered
from geoplan.report.chapters import Book, capacity, goals, layout, overall, present
from geoplan.report.chapters_money import burden, emissions, money, safeguards, years
from geoplan.report.sheet import official_paper, template_paper
from geoplan.report.tables import report_tables
from geoplan.report.words import words
from geoplan.report.write import Writer
from geoplan.staticmap import still_png, title_of
from geoplan.staticmap.view import Paper

__all__ = ["report_blocks", "report_docx", "report_tables"]

CHAPTERS = (overall, present, goals, layout, capacity, money, years, burden, emissions, safeguards)
#: Tables on pages of their own, in order; those of the tasks come first.
ANNEXES = ("funding_full", "pipes", "parameters", "reconciliation", "made")
#: Of the maps, which fill fold-outs of A3.
DPI = 200


def report_docx(
    plan: Plan,
    *,
    template: bytes | None = None,
    template_name: str = "",
    public: bool = False,
    dpi: int = DPI,
    pictures: Callable[[str], bytes] | None = None,
) -> bytes:
    """The report of a plan.

    Parameters
    ----------
    plan : Plan
    template : bytes, optional
        A .docx of the user: its styles, page, headers and footers are kept, its body is not.
    template_name : str
        Its name, for the refusal.
    public : bool
        Leave out diameters, flows and voltages, and generalise the lines of the maps.
    dpi : int
        Of the maps, on A3.
    pictures : callable, optional
        PNG of a theme; without it the still maps of the plan.

    Returns
    -------
    bytes
        A .docx file; the same plan gives the same bytes.

    Raises
    ------
    InputError
        The template is no Word document.
    """
    paper = official_paper() if template is None else template_paper(template, file=template_name)
    title = plan.policy.title + (words()["labels"]["optimum"] if "optimum" in plan.summary else "")
    writer = Writer(
        paper,
        title=title,
        blocks=list(report_blocks(plan, public=public)),
        pictures=_drawn(plan, dpi, public) if pictures is None else lambda theme, _: pictures(theme),
        captions=partial(title_of, plan),
        made=partial(made_said, plan),
    )
    return writer.write()


def _drawn(plan: Plan, dpi: int, public: bool) -> Callable[[str, Paper], bytes]:
    return lambda theme, paper: still_png(plan, theme, dpi=dpi, public=public, paper=paper)


def report_blocks(plan: Plan, *, public: bool = False) -> Iterator[Block]:
    """Headings, texts, tables, pictures and annexes of the report, in order and numbered."""
    tables = report_tables(plan, public=public)
    book = Book(plan, tables)
    yield from numbered(block for chapter in CHAPTERS for block in chapter(book))
    for key in (*(k for k in tables if k.startswith("tasks")), *ANNEXES):
        if key in tables:
            yield Annex(tables[key])

"""The report as a file."""

from __future__ import annotations

from pathlib import Path

from geoplan.errors import InputError, Problem
from geoplan.files import named, write_whole
from geoplan.manifest import refuse_inside
from geoplan.model import Plan
from geoplan.report import DPI, report_docx


def write_report(
    plan: Plan,
    file: str | Path,
    *,
    template: str | Path | None = None,
    public: bool = False,
    dpi: int = DPI,
) -> Path:
    """Write the report of a plan.

    Parameters
    ----------
    plan : Plan
    file : path
        Ends in ``.docx``; a file that is there is replaced as a whole.
    template : path, optional
        A .docx of the user, whose styles, page, headers and footers are kept.
    public : bool
        Leave out diameters, pressures and voltages, and make gas and grid coarse.
    dpi : int
        Of the maps, on A3.

    Returns
    -------
    Path
        `file`.

    Raises
    ------
    InputError
        The path is a folder or the template, has another ending or lies in the folder
        of a plan, the template cannot be read, or the disk did not take the file.
    """
    file = named(file, ending=".docx", what="a Word document")
    refuse_inside(file)
    if template is not None and Path(template).resolve() == file.resolve():
        remedy = "choose another name with -o"
        raise InputError(Problem("is the template, which stays as it is", file=str(file), remedy=remedy))
    content = None if template is None else _read(Path(template))
    name = "" if template is None else str(template)
    document = report_docx(plan, template=content, template_name=name, public=public, dpi=dpi)
    return write_whole(file, document)


def _read(template: Path) -> bytes:
    try:
        return template.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
        remedy = "name a .docx file with --template"
        raise InputError(Problem(f"cannot be read: {why}", file=str(template), remedy=remedy)) from error

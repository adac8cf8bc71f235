"""A new county folder: a skeleton to fill in, or a copy of a county that ships."""

from __future__ import annotations

import shutil
import tempfile
from importlib import resources
from pathlib import Path

from geoplan.columns import nearest
from geoplan.errors import InputError, Problem

#: What is copied of a county: layers, policy, scenarios and read-me, not what its layers were made from.
SHIPPED = (".csv", ".geojson", ".md", ".toml")
RAW = "raw"


def shipped_counties() -> tuple[str, ...]:
    """Names of the counties that ship with the package.

    Examples
    --------
    >>> len(shipped_counties()) >= 5
    True
    """
    home = _counties()
    return tuple(sorted(folder.name for folder in home.glob("*/") if (folder / "policy.toml").is_file()))


def new_county(folder: Path, *, like: str | None = None) -> Path:
    """Start a county folder.

    Parameters
    ----------
    folder : Path
        Made where it is missing; one that holds anything is refused.
    like : str, optional
        Shipped county to copy; without it the folder holds a policy whose every
        section is a comment, the like for what the document prints, three
        villages to replace, and a read-me.

    Returns
    -------
    Path
        The villages file.

    Raises
    ------
    InputError
        The folder is not empty, the county does not ship, or the disk did not
        take the files; then nothing is left behind.
    """
    home = _template() if like is None else _county(like)
    _refuse(folder)
    beside: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        _copy(home, beside)
        beside.chmod(0o755)
        _move_in(beside, folder)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(
            Problem(f"cannot be written: {why}", file=str(folder), remedy="choose another folder")
        ) from error
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)
    return next(folder.glob("villages.*"))


def shipped_files(county: Path) -> list[Path]:
    """Files of a county folder that are its input, relative to it and sorted.

    Examples
    --------
    >>> from importlib import resources
    >>> [str(p) for p in shipped_files(Path(str(resources.files("geoplan").joinpath("data/start"))))]
    ['README.md', 'policy.toml', 'published.toml', 'villages.csv']
    """
    found = [p.relative_to(county) for p in county.rglob("*") if p.suffix in SHIPPED and p.is_file()]
    return sorted(p for p in found if p.parts[0] != RAW)


def _copy(home: Path, folder: Path) -> None:
    for name in shipped_files(home):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(home / name, folder / name)


def _move_in(beside: Path, folder: Path) -> None:
    """Put the finished files in their place: all of them, or none."""
    if not folder.exists():
        beside.rename(folder)
        return
    names = sorted(path.name for path in beside.iterdir())
    try:
        for name in names:
            (beside / name).rename(folder / name)
    except OSError:
        for name in names:
            if (folder / name).exists():
                (folder / name).rename(beside / name)
        raise


def _refuse(folder: Path) -> None:
    """Stop before anything is written if the folder is not free."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(Problem("is not a folder", file=str(folder), remedy="choose another folder"))
    held = sorted(p.name for p in folder.iterdir()) if folder.exists() else []
    if held:
        said = ", ".join(held[:5]) + (" and more" if len(held) > 5 else "")
        raise InputError(
            Problem(f"is not empty: holds {said}", file=str(folder), remedy="choose a new or an empty folder")
        )


def _template() -> Path:
    return Path(str(resources.files("geoplan").joinpath("data/start")))


def _county(name: str) -> Path:
    known = shipped_counties()
    if name not in known:
        near = nearest(name, known)
        remedy = f"did you mean {near!r}?" if near else f"choose one of {', '.join(known) or 'none'}"
        raise InputError(Problem(f"no county {name!r} ships", file="--from", remedy=remedy))
    return _counties() / name


def _counties() -> Path:
    """Where the counties are: inside an installed package, or beside it in the repository."""
    inside = Path(str(resources.files("geoplan").joinpath("data/counties")))
    return inside if inside.is_dir() else Path(__file__).parents[2] / "layers"

"""The files of a county: layers by their stem, the policy and its overlays."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from geoplan.columns import LAYER_GEOMETRY, nearest
from geoplan.errors import Problem
from geoplan.io.cells import reading, visible
from geoplan.io.formats import inside
from geoplan.io.raw import Source
from geoplan.io.sniff import MAX_POLICY_BYTES, Unreadable, read_bytes, refuse_address, sha256

#: Endings of files that can be layers.
LAYER_ENDINGS = (".geojson", ".json", ".gpkg", ".parquet", ".geoparquet", ".shp", ".dxf", ".csv", ".xlsx")
#: Endings that are only ever maps; one with an unknown stem is worth a word.
MAP_ENDINGS = (".geojson", ".gpkg", ".parquet", ".geoparquet", ".shp", ".dxf")
#: Parts of a shapefile that mean nothing without the ``.shp``.
SHAPE_PARTS = (".shx", ".dbf")
POLICY = "policy.toml"
PUBLISHED = "published.toml"
SCENARIOS = "scenarios"


@dataclass
class Found:
    """What a county consists of, before it is read.

    Attributes
    ----------
    name : str
        Name of the county's folder.
    sources : dict of str to Source
        Layers by stem, in the order of the column tables.
    documents : list of (str, str)
        Name and text of the policy and its overlays, in the order of merging.
    published : (str, str), optional
        Name and text of what the document prints.
    files : dict of str to str
        SHA-256 of the policy's files and of the published numbers by shown name.
    problems : list of Problem
    """

    name: str
    sources: dict[str, Source] = field(default_factory=dict)
    documents: list[tuple[str, str]] = field(default_factory=list)
    published: tuple[str, str] | None = None
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def find(
    path: str | os.PathLike[str],
    *,
    layers_dir: str | os.PathLike[str] | None = None,
    policy: str | os.PathLike[str] | None = None,
    overlays: Sequence[str | os.PathLike[str]] = (),
) -> Found:
    """Find the layers and the policy of a county.

    Parameters
    ----------
    path : path
        The villages file, a GeoPackage with a layer ``villages``, or the folder.
    layers_dir : path, optional
        Where the other layers and the policy are, if not beside the villages.
    policy : path, optional
        The policy, if it is not ``policy.toml`` beside the layers.
    overlays : sequence of str or path
        Names of ``scenarios/<NAME>.toml``, or files.

    Returns
    -------
    Found
        With every problem of finding; nothing is raised.
    """
    try:
        villages, base = _start(path, layers_dir)
    except Unreadable as error:
        return Found("", problems=[Problem(error.message, file=visible(path), remedy=error.remedy)])
    found = Found(base.resolve().name or "county")
    own = villages if villages.is_dir() else villages.parent
    _collect(found, villages, base)
    _read_policy(found, [base, own], policy=policy, overlays=overlays)
    return found


def _start(path: str | os.PathLike[str], layers_dir: str | os.PathLike[str] | None) -> tuple[Path, Path]:
    """The villages file or folder, and the folder of the other layers."""
    for given in (path, layers_dir):
        if given is not None:
            refuse_address(given)
    villages = Path(path)
    try:
        there = villages.exists() or villages.is_symlink()
        folder = (
            Path(layers_dir) if layers_dir is not None else villages if villages.is_dir() else villages.parent
        )
        is_folder = folder.is_dir()
    except OSError as error:
        raise Unreadable(f"cannot be opened ({error.strerror})", "check the name") from None
    if not there:
        raise Unreadable("no such file or folder", "check the name")
    if not is_folder:
        raise Unreadable(f"the layers folder {visible(folder)!r} is not a folder", "check -l")
    return villages, folder


def _collect(found: Found, villages: Path, base: Path) -> None:
    """Put one source for each layer into `found`, and say what is doubtful."""
    own_file = None if villages.is_dir() else villages
    paths, problems = _scan(base, leave=own_file)
    found.problems += problems
    if own_file is not None:
        paths["villages"] = [own_file]
    elif villages.absolute() != base.absolute():
        paths["villages"] = _scan(villages, leave=None)[0].get("villages", [])
    packages = [p for p in _entries(villages) if p.suffix.lower() == ".gpkg"] if own_file is None else []
    if not paths.get("villages") and len(packages) == 1:
        paths["villages"] = packages
        found.problems = [p for p in found.problems if p.file != packages[0].name]
    sources: dict[str, list[Source]] = {stem: [] for stem in LAYER_GEOMETRY}
    for stem, candidates in paths.items():
        for path in candidates:
            _resolve(Source(stem, path, _shown(path, base)), sources, found.problems)
    for stem, candidates_of in sources.items():
        if len(candidates_of) > 1:
            names = ", ".join(visible(s.file) for s in candidates_of)
            found.problems.append(
                Problem(f"several files for one layer: {names}", layer=stem, remedy="keep one")
            )
        elif candidates_of:
            found.sources[stem] = candidates_of[0]
    if not paths.get("villages"):
        remedy = (
            "name the villages file, or put villages.geojson (or .gpkg, .csv, .xlsx, ...) into the folder"
        )
        found.problems.append(
            Problem("no villages layer in the folder", file=visible(villages), remedy=remedy)
        )


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda p: p.name) if folder.is_dir() else []


def _shown(path: Path, base: Path) -> str:
    """Name of a file for messages and hashes: relative to the county's folder, or bare when outside."""
    try:
        return path.absolute().relative_to(base.absolute()).as_posix()
    except ValueError:
        return path.name


def _scan(folder: Path, *, leave: Path | None) -> tuple[dict[str, list[Path]], list[Problem]]:
    """Files of a folder by the stem of a layer; misspelt and unreadable ones become problems."""
    by_stem: dict[str, list[Path]] = {}
    left = leave.absolute() if leave is not None else None
    entries = [p for p in _entries(folder) if not p.name.startswith(".") and p.absolute() != left]
    layers = [p for p in entries if p.suffix.lower() in LAYER_ENDINGS]
    for path in layers:
        if path.stem in LAYER_GEOMETRY:
            by_stem.setdefault(path.stem, []).append(path)
    present = {*by_stem, *(("villages",) if leave is not None else ())}
    doubts = [_unknown_stem(p.stem, p.name, present) for p in layers if p.stem not in LAYER_GEOMETRY]
    names = {p.name.lower() for p in entries}
    doubts += [_unread(p, names) for p in entries if p not in layers and p.stem in LAYER_GEOMETRY]
    return by_stem, [problem for problem in doubts if problem is not None]


def _unread(path: Path, names: Collection[str]) -> Problem | None:
    """An error for a layer in a format that is not read, or for a shapefile without its main part."""
    ending = path.suffix.lower()
    if ending == ".dwg":
        message, remedy = f"{ending} files are not read", "save the drawing as DXF (SAVEAS, AutoCAD 2007 DXF)"
    elif ending in reading()["foreign_endings"]:
        message, remedy = f"{ending} files are not read", "export the layer as GeoPackage or GeoJSON"
    elif ending in SHAPE_PARTS and f"{path.stem}.shp" not in names:
        message, remedy = f"its {path.stem}.shp is missing", "copy all files of the shapefile together"
    else:
        return None
    return Problem(message, file=path.name, layer=path.stem, remedy=remedy)


def _unknown_stem(stem: str, file: str, present: Collection[str]) -> Problem | None:
    """What to say of a file that could be a layer but has no layer's name."""
    absent = tuple(s for s in LAYER_GEOMETRY if s not in present)
    near = nearest(stem.lower(), absent)
    if near:
        return Problem(f"unknown layer {visible(stem)!r}", file=file, remedy=f"did you mean {near!r}?")
    if nearest(stem.lower(), tuple(LAYER_GEOMETRY)) or file.lower().endswith(MAP_ENDINGS):
        known = f"known are {', '.join(LAYER_GEOMETRY)}"
        message = f"not read: {visible(stem)!r} is not the name of a layer"
        return Problem(message, file=file, remedy=known, severity="warning")
    return None


def _resolve(source: Source, sources: dict[str, list[Source]], problems: list[Problem]) -> None:
    """Enter a file as the source of its layer, and a GeoPackage of villages as that of all its layers."""
    try:
        names = inside(source)
    except Unreadable as error:
        problems.append(source.problem(error.message, remedy=error.remedy))
        return
    if not names:
        sources[source.stem].append(source)
        return
    own = source.stem if source.stem in names else names[0] if len(names) == 1 else None
    if own is None:
        listed = ", ".join(visible(n) for n in names)
        message = f"holds no layer {source.stem!r}; it holds {listed}"
        problems.append(source.problem(message, remedy="rename the layer"))
        return
    sources[source.stem].append(replace(source, inside=own))
    if source.stem != "villages":
        return
    for name in (n for n in names if n != own):
        if name in LAYER_GEOMETRY:
            sources[name].append(Source(name, source.path, source.file, name))
        elif doubt := _unknown_stem(name, f"{source.file}.gpkg", names):
            problems.append(replace(doubt, file=source.file))


def _read_policy(
    found: Found,
    folders: Sequence[Path],
    *,
    policy: str | os.PathLike[str] | None,
    overlays: Sequence[str | os.PathLike[str]],
) -> None:
    """Texts of the policy and of its overlays, and of what the document beside it prints."""
    there = [
        folder / POLICY for folder in folders if (folder / POLICY).exists() or (folder / POLICY).is_symlink()
    ]
    file = Path(policy) if policy is not None else there[0] if there else None
    home = file.parent if file is not None else folders[0]
    if file is not None:
        found.documents += _read_text(found, file, folders[0])
    else:
        found.problems += _misspelt(folders[0], POLICY)
    if (home / PUBLISHED).exists():
        found.published = next(iter(_read_text(found, home / PUBLISHED, folders[0])), None)
    else:
        found.problems += _misspelt(home, PUBLISHED)
    for overlay in overlays:
        text = os.fspath(overlay)
        named = home / SCENARIOS / f"{text.removesuffix('.toml')}.toml"
        if "/" not in text and os.sep not in text and named.exists():
            found.documents += _read_text(found, named, folders[0])
        elif text.endswith(".toml"):
            found.documents += _read_text(found, Path(text), folders[0])
        else:
            known = (
                ", ".join(visible(p.stem) for p in _entries(home / SCENARIOS) if p.suffix == ".toml")
                or "none"
            )
            message = f"unknown overlay {visible(text)!r}"
            found.problems.append(Problem(message, file="--overlay", remedy=f"known are {known}"))


def _misspelt(folder: Path, name: str) -> list[Problem]:
    """A file that was meant to have this name; the other one of the two is right as it is."""
    return [
        Problem(f"unknown {name.removesuffix('.toml')} file", file=p.name, remedy=f"did you mean {name!r}?")
        for p in _entries(folder)
        if p.suffix.lower() == ".toml" and nearest(p.name.lower(), (POLICY, PUBLISHED)) == name
        if p.name not in (POLICY, PUBLISHED)
    ]


def _read_text(found: Found, path: Path, base: Path) -> list[tuple[str, str]]:
    """Shown name and text of a file; nothing, and a problem, where it cannot be read."""
    file = _shown(path, base)
    try:
        refuse_address(path)
        data = read_bytes(path, most=MAX_POLICY_BYTES)
        text = data.decode("utf-8")
        found.files[file] = sha256(data)
    except UnicodeDecodeError:
        found.problems.append(Problem("is not UTF-8", file=file, remedy="save it as UTF-8"))
    except Unreadable as error:
        found.problems.append(Problem(error.message, file=file, remedy=error.remedy))
    else:
        return [(file, text)]
    return []

"""The one build step that pyproject.toml cannot say: the wheel carries the counties of ``layers/``."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

LAYERS = Path("layers")
INSIDE = Path("geoplan", "data", "counties")
#: As in geoplan/io/start.py, which cannot be imported before its dependencies are there.
SHIPPED, RAW = (".csv", ".geojson", ".md", ".toml"), "raw"


def shipped() -> list[Path]:
    """Input of every county: not what its layers were made from."""
    files = (p for p in LAYERS.glob("*/**/*") if p.suffix in SHIPPED and p.is_file())
    return sorted(p for p in files if p.relative_to(LAYERS).parts[1] != RAW)


class BuildWithCounties(build_py):
    """Copies the counties into the package; a source distribution holds them where they are."""

    def run(self) -> None:
        """Build the package, then add the counties; in place they are found in the repository."""
        super().run()
        for source in [] if self.editable_mode else shipped():
            target = Path(self.build_lib) / INSIDE / source.relative_to(LAYERS)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def get_source_files(self) -> list[str]:
        """Files that a source distribution needs."""
        return [*super().get_source_files(), *map(str, shipped())]


setup(cmdclass={"build_py": BuildWithCounties})

"""The README's commands are those that CI runs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
CI = (ROOT / ".ci" / "run").read_text("utf-8")


def command(mark):
    return re.search(rf"<!-- {mark} -->\n```\n(.+)\n```", README).group(1)


def test_ci_runs_the_test_command_word_for_word():
    assert command("test") in CI.splitlines()


def test_ci_reads_the_first_command_out_of_the_readme():
    """CI takes the block marked `run` and executes it in a fresh clone; here only that it finds it."""
    take = re.search(r"run=\$\((.+)\)", CI).group(1)
    found = subprocess.run(["bash", "-c", take], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == command("run")
    assert "geoplan assign layers/litong/villages.geojson" in command("run")


def test_every_file_the_readme_names_is_there():
    for name in ("LICENSE", "NOTICE", "CONTRIBUTING.md", "constraints.txt", "layers/litong/villages.geojson"):
        assert (ROOT / name).is_file(), name
    assert (ROOT / re.search(r"!\[.*\]\((.+)\)", README).group(1)).is_file()

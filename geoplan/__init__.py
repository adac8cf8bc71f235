"""geoplan: which village gets which clean heating route, what it costs, and why.

A county is a folder; :func:`assign` is a pure function from that folder's tables
and its policy to a :class:`Plan`; every map, table and report is a function of
the plan.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geoplan.errors import GeoplanError, InfeasibleError, InputError, PolicyError
    from geoplan.folder import read_plan
    from geoplan.io import check_county, read_county
    from geoplan.model import County, Plan
    from geoplan.planner import assign
    from geoplan.policy import Policy, load_policy
    from geoplan.report import report_docx
    from geoplan.staticmap import still_map
    from geoplan.webmap import coverage_map

__version__ = "0.2.0"

_HOME = {
    "assign": "planner",
    "check_county": "io",
    "County": "model",
    "coverage_map": "webmap",
    "GeoplanError": "errors",
    "InfeasibleError": "errors",
    "InputError": "errors",
    "load_policy": "policy",
    "Plan": "model",
    "Policy": "policy",
    "PolicyError": "errors",
    "read_county": "io",
    "read_plan": "folder",
    "report_docx": "report",
    "still_map": "staticmap",
}

__all__ = [
    "County",
    "GeoplanError",
    "InfeasibleError",
    "InputError",
    "Plan",
    "Policy",
    "PolicyError",
    "__version__",
    "assign",
    "check_county",
    "coverage_map",
    "load_policy",
    "read_county",
    "read_plan",
    "report_docx",
    "still_map",
]


def __dir__() -> list[str]:
    """List the public names, whether or not they were asked for."""
    return list(__all__)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: importing the package does no work."""
    if name in _HOME:
        return getattr(import_module(f"geoplan.{_HOME[name]}"), name)
    raise AttributeError(f"module 'geoplan' has no attribute {name!r}")

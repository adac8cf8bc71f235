"""The policy as a table: every number with its source."""

from __future__ import annotations

from typing import Any

import pandas as pd

from geoplan.explain import messages
from geoplan.model import Plan
from geoplan.policy import Policy
from geoplan.provisions import UNSTATED
from geoplan.tables.naming import parameter_label, parameter_unit, values_said
from geoplan.tables.sheet import Sheet, framed, titled


def parameters(policy: Policy) -> pd.DataFrame:
    """Every number of the policy with its source and confidence; the layout of the annexes is no number."""
    rows = []
    for path, value in flat(policy.model_dump(by_alias=True, exclude_none=True)):
        origin = policy.origins.get(path)
        if origin is None or path.startswith("annexes."):
            continue
        rows.append((path, _shown(value), origin.file, origin.source, origin.confidence))
    return pd.DataFrame(rows, columns=["参数", "取值", "文件", "来源", "可信度"])


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "、".join(map(_shown, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(messages()["unstated"] if value == UNSTATED else value)


def parameters_sheet(plan: Plan) -> Sheet:
    """Every number that the plan was made with, in words and by its key in the policy."""
    found = parameters(plan.policy).rename(columns={"参数": "键"})
    found.insert(0, "参数", [parameter_label(key, plan.policy) for key in found["键"]])
    found.insert(3, "单位", [parameter_unit(key, plan.policy) for key in found["键"]])
    found["取值"] = found["取值"].map(values_said)
    order = ["参数", "取值", "单位", "来源", "可信度", "文件", "键"]
    made = framed(found[order], title=titled(plan, "参数与来源"))
    return Sheet("参数与来源", made, register=True)


def flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Dotted paths and values of nested tables.

    Examples
    --------
    >>> flat({"a": {"b": 1}, "c": 2})
    [('a.b', 1), ('c', 2)]
    """
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        found += flat(value, f"{path}.") if isinstance(value, dict) else [(path, value)]
    return found

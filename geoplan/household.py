"""What a household gets, and what it keeps until the new heating has proved itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pandas as pd

from geoplan.policy import Policy
from geoplan.provisions import Equipment, matching

#: A season that ends before this month began in the year before.
MID_YEAR = 7


def equipment(villages: pd.DataFrame, policy: Policy, *, words: Mapping[str, str]) -> pd.Series:
    """Devices that a household of each village gets, in words.

    Parameters
    ----------
    villages : DataFrame
        ``route`` and the columns that the packages' `where` names.
    words : mapping
        ``movable`` and ``min_kw`` in the reader's language, and ``joiner`` between packages.

    Returns
    -------
    Series of str
        Empty where no package of the policy fits.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("p.toml", '''
    ... [equipment.a]
    ... routes = ["heat_pump"]
    ... movable = true
    ... [equipment.a.devices]
    ... "空气源热风机" = 1
    ... "直热式电暖气" = 2
    ... ''')])
    >>> frame = pd.DataFrame({"route": ["heat_pump", "gas"]})
    >>> words = {"movable": "可移动", "min_kw": "不低于 {kw:g} kW", "joiner": "；"}
    >>> equipment(frame, policy, words=words).tolist()
    ['空气源热风机×1、直热式电暖气×2（可移动）', '']
    """
    text = pd.Series("", index=villages.index, dtype=object)
    for package in policy.equipment.values():
        fits = villages["route"].isin(package.routes) & matching(villages, package.where)
        joined = text.where(text == "", text + words["joiner"])
        text = text.mask(fits, joined + _in_words(package, words))
    return text


def _in_words(package: Equipment, words: Mapping[str, str]) -> str:
    devices = "、".join(f"{device}×{count}" for device, count in package.devices.items())
    remarks = [words["movable"]] if package.movable else []
    remarks += [words["min_kw"].format(kw=package.min_kw)] if package.min_kw is not None else []
    return f"{devices}（{'，'.join(remarks)}）" if remarks else devices


def old_stove_until(villages: pd.DataFrame, policy: Policy) -> pd.Series:
    """Day before which the old stove of each village must not be removed.

    The first season starts in the autumn of the year of conversion; one that
    ends before July ends in the year after.

    Parameters
    ----------
    villages : DataFrame
        ``route`` and ``year`` of conversion. [year]

    Returns
    -------
    Series of str
        Dates as YYYY-MM-DD; empty where the policy asks for nothing or there is no year.

    Examples
    --------
    >>> from geoplan.policy import load_policy
    >>> policy = load_policy([("p.toml", '''
    ... [old_stove]
    ... routes = ["heat_pump"]
    ... seasons = 1
    ... season_end = "04-15"
    ... ''')])
    >>> frame = pd.DataFrame({"route": ["heat_pump", "gas"], "year": [2023, 2023]})
    >>> old_stove_until(frame, policy).tolist()
    ['2024-04-15', '']
    """
    none = pd.Series("", index=villages.index, dtype=object)
    rule = policy.old_stove
    if rule is None or rule.seasons == 0:
        return none
    month, day = map(int, rule.season_end.split("-"))
    later = rule.seasons if month < MID_YEAR else rule.seasons - 1
    year = villages["year"].astype("Int64")
    held = villages["route"].isin(rule.routes) & year.notna()
    days = {y: dt.date(y + later, month, day).isoformat() for y in year[held].unique()}
    return none.mask(held, year.map(days))

"""The check of a finished plan, from its tables alone."""

from __future__ import annotations

import pandas as pd

from geoplan.errors import CertificateError


def certify(
    villages: pd.DataFrame, options: pd.DataFrame, sources: pd.DataFrame, links: pd.DataFrame
) -> None:
    """Check a finished plan from its tables alone.

    Raises
    ------
    CertificateError
        A village is missing or twice, has no route or no reason, a source gives
        more than it has, what the villages take is not what the sources give,
        or the pipes cost something else than the villages were charged.
    """
    broken = []
    if villages["village_id"].duplicated().any():
        broken.append("a village stands twice")
    if villages[["route", "decision", "reason"]].isin([""]).any(axis=None) or villages["route"].isna().any():
        broken.append("a village has no route or no reason")
    over = sources[sources["used"] > sources["capacity"] * (1 + 1e-6) + 1e-9]
    broken += [f"source {s} gives more than it has" for s in over["source_id"]]
    key = pd.MultiIndex.from_arrays([villages["village_id"], villages["route"]])
    taken = options[["route", "capacity_use", "connection_m", "pipe_cny"]].reindex(key)
    use = taken["capacity_use"].groupby(villages["source_id"].to_numpy()).sum().drop("", errors="ignore")
    given = sources.groupby("source_id")["used"].sum()
    off = (given - use.reindex(given.index).fillna(0.0)).abs() > 1e-6 * (1 + given.abs())
    broken += [f"source {s}: what it gives is not what its villages take" for s in given.index[off]]
    for route in ("district_heating", "gas"):
        mine = links[links["route"] == route]
        shared = float(villages.loc[villages["route"] == route, "pipe_share_cny"].sum())
        if abs(shared - float(mine["capex_cny"].astype(float).sum())) > 1.0 + 1e-6 * shared:
            broken.append(f"{route}: the villages' shares of the pipes make {shared:.0f}")
        for ours, theirs in (("connection_m", "length_m"), ("pipe_cny", "capex_cny")):
            booked = float(taken.loc[taken["route"] == route, ours].sum())
            built = float(mine[theirs].astype(float).sum())
            if abs(booked - built) > 1.0 + 1e-6 * booked:
                broken.append(f"{route}: {ours} of the villages is {booked:.0f}, the pipes make {built:.0f}")
    if broken:
        raise CertificateError("; ".join(broken))

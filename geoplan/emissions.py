"""Emissions of a route, from the energy it uses at expected behaviour."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geoplan.policy import Policy
from geoplan.schema import Carrier

#: The carrier that is burnt today.
TODAY = "coal"
#: Plan column -> (carrier attribute, factor from the attribute's unit per unit of energy to the column's).
POLLUTANTS = {
    "co2_t_per_a": ("co2_kg", 1e-3),
    "pm25_kg_per_a": ("pm25_g", 1e-3),
    "so2_kg_per_a": ("so2_g", 1e-3),
    "nox_kg_per_a": ("nox_g", 1e-3),
}


def avoided_column(column: str) -> str:
    """Name of the avoided emission of a pollutant column.

    Examples
    --------
    >>> avoided_column("co2_t_per_a")
    'co2_avoided_t_per_a'
    """
    pollutant, _, unit = column.partition("_")
    return f"{pollutant}_avoided_{unit}"


def emissions(energy_units_per_a: pd.Series, *, carrier: Carrier) -> pd.DataFrame:
    """Emissions of an amount of an energy carrier.

    Parameters
    ----------
    energy_units_per_a : Series, shape (n_villages,)
        Energy used in one season, in the unit of the carrier.
    carrier : Carrier
        Factors per unit. [kg CO2, g PM2.5, g SO2, g NOx]

    Returns
    -------
    DataFrame, shape (n_villages, 4)
        ``co2_t_per_a`` [t/a], ``pm25_kg_per_a``, ``so2_kg_per_a``, ``nox_kg_per_a`` [kg/a].

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> coal = default_policy().carriers["coal"]
    >>> emissions(pd.Series({"V01": 2.8}), carrier=coal).loc["V01"].round(2).tolist()
    [5.32, 22.4, 26.88, 4.48]
    """
    energy = energy_units_per_a.to_numpy(dtype=float)
    factors = np.array([getattr(carrier, name) * k for name, k in POLLUTANTS.values()])
    return pd.DataFrame(energy[:, None] * factors, index=energy_units_per_a.index, columns=list(POLLUTANTS))


def emissions_by_carrier(villages: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Emissions of a plan before and after, by energy carrier, with the factors and where they come from.

    Parameters
    ----------
    villages : DataFrame
        Villages of a plan: ``route``, the emission columns and those avoided.
        What waits goes on burning coal.

    Returns
    -------
    DataFrame
        One row per carrier and pollutant: ``carrier``, ``pollutant``,
        ``factor`` per `factor_unit`, ``before``, ``after``, ``avoided`` in
        ``unit``, ``source`` and ``confidence`` of the factor.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> frame = pd.DataFrame({"route": ["gas", "deferred"]})
    >>> for column in POLLUTANTS:
    ...     frame[column] = [2.0, 5.0]
    ...     frame[avoided_column(column)] = [3.0, 0.0]
    >>> found = emissions_by_carrier(frame, default_policy())
    >>> found.loc[found["pollutant"] == "co2", ["carrier", "before", "after", "avoided"]].values.tolist()
    [['gas', 0.0, 2.0, -2.0], ['coal', 10.0, 5.0, 5.0]]
    """
    carrier = {name: route.carrier for name, route in policy.routes.items()}
    burnt = villages["route"].map(carrier).fillna(TODAY)
    used = set(burnt) | {TODAY}
    rows = []
    for column, (attribute, _) in POLLUTANTS.items():
        pollutant, _, unit = column.partition("_")
        after = villages[column].groupby(burnt).sum()
        before = float((villages[column] + villages[avoided_column(column)]).sum())
        for name in (c for c in policy.carriers if c in used):
            origin = policy.origins.get(f"carriers.{name}.{attribute}")
            then, now = before if name == TODAY else 0.0, float(after.get(name, 0.0))
            rows.append(
                {
                    "carrier": name,
                    "pollutant": pollutant,
                    "factor": getattr(policy.carriers[name], attribute),
                    "factor_unit": f"{attribute.partition('_')[2]}/{policy.carriers[name].unit}",
                    "before": then,
                    "after": now,
                    "avoided": then - now,
                    "unit": unit.replace("_per_", "/"),
                    "source": origin.source if origin else "",
                    "confidence": origin.confidence if origin else "",
                }
            )
    return pd.DataFrame(rows)

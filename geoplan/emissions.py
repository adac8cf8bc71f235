"""Emissions of a route, from the energy it uses at expected behaviour."""

from __future__ import annotations

import pandas as pd

from geoplan.schema import Carrier

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
    return pd.DataFrame(
        {
            column: energy_units_per_a * (getattr(carrier, name) * k)
            for column, (name, k) in POLLUTANTS.items()
        }
    )

"""Heat demand of villages: who is heated, how much area, what load, what heat."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geoplan.schema import Climate, Demand

#: Watts in a kilowatt. [W/kW]
W_PER_KW = 1000.0


def heated_households(villages: pd.DataFrame) -> pd.Series:
    """Households that need heat in winter.

    Parameters
    ----------
    villages : DataFrame
        With ``households`` [household] and ``winter_occupancy`` [share]; an
        empty occupancy counts as 1.

    Returns
    -------
    Series
        ``heated_households``. [household]

    Examples
    --------
    >>> frame = pd.DataFrame({"households": [200, 100], "winter_occupancy": [0.5, None]})
    >>> heated_households(frame).tolist()
    [100.0, 100.0]
    """
    occupancy = villages["winter_occupancy"].astype("float64").fillna(1.0)
    return (villages["households"].astype("float64") * occupancy).rename("heated_households")


def floor_area(villages: pd.DataFrame, demand: Demand) -> pd.Series:
    """Heated floor area of one household, with the policy's value where it is empty.

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> floor_area(pd.DataFrame({"floor_area_m2": [80.0, None]}), default_policy().demand).tolist()
    [80.0, 100.0]
    """
    return villages["floor_area_m2"].astype("float64").fillna(demand.floor_area_m2)


def is_apartment(villages: pd.DataFrame) -> pd.Series:
    """Whether a village is flats; an empty ``dwelling`` counts as bungalows."""
    return villages["dwelling"].eq("apartment").fillna(False).astype(bool)


def heat_intensity(villages: pd.DataFrame, demand: Demand) -> pd.Series:
    """Design heat load per heated floor area, by dwelling and insulation.

    Parameters
    ----------
    villages : DataFrame
        With ``dwelling`` (empty: bungalow) and ``insulated`` (empty: not).
    demand : Demand
        The four intensities. [W/m²]

    Returns
    -------
    Series
        ``heat_intensity_w_per_m2``. [W/m²]

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> frame = pd.DataFrame({"dwelling": ["bungalow", "apartment"], "insulated": [None, True]})
    >>> heat_intensity(frame, default_policy().demand).tolist()
    [105.0, 45.0]
    """
    flat = is_apartment(villages)
    insulated = villages["insulated"].astype("boolean").fillna(False).astype(bool)
    value = np.select(
        [flat & insulated, flat, insulated],
        [
            demand.intensity_apartment_insulated_w_per_m2,
            demand.intensity_apartment_w_per_m2,
            demand.intensity_bungalow_insulated_w_per_m2,
        ],
        demand.intensity_bungalow_w_per_m2,
    )
    return pd.Series(value, index=villages.index, name="heat_intensity_w_per_m2")


def design_heat_load(floor_area_m2: pd.Series, *, intensity_w_per_m2: pd.Series | float) -> pd.Series:
    """Design heat load of each village.

    Parameters
    ----------
    floor_area_m2 : Series, shape (n_villages,)
        Heated floor area of the whole village. [m²]
    intensity_w_per_m2 : Series or float
        Design heat load per heated area at the outdoor design temperature. [W/m²]

    Returns
    -------
    Series, shape (n_villages,)
        ``heat_load_kw`` on the index of `floor_area_m2`. [kW]

    References
    ----------
    .. [1] CJJ 34-2010, heat index method.

    Examples
    --------
    >>> float(design_heat_load(pd.Series({"V02": 48_000.0}), intensity_w_per_m2=50.0)["V02"])
    2400.0
    """
    return (floor_area_m2 * intensity_w_per_m2 / W_PER_KW).rename("heat_load_kw")


def season_heat(heat_load_kw: pd.Series, climate: Climate) -> pd.Series:
    """Heat of one season at continuous full-space heating.

    Parameters
    ----------
    heat_load_kw : Series, shape (n_villages,)
        Design heat load. [kW]
    climate : Climate
        Gives the full-load hours 24·N·(t_n − t_pj)/(t_n − t_w). [h]

    Returns
    -------
    Series, shape (n_villages,)
        ``heat_demand_mwh_per_a``. [MWh/a]

    Examples
    --------
    >>> from geoplan.policy import default_policy
    >>> season_heat(pd.Series([2400.0]), default_policy().climate).round(1).tolist()
    [5693.3]
    """
    return (heat_load_kw * climate.full_load_hours / 1000.0).rename("heat_demand_mwh_per_a")

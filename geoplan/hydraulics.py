"""Whether the water gets there: pressures, velocities and pump heads of a plan's heat network.

The flow is solved by pandapipes (``pip install geoplan[hydraulics]``) on the supply
line; the return line is its mirror image, so every loss counts twice. Two formulas
stand against each other here: the plan sizes pipes by the closed form of CJJ 34, the
check goes by Darcy and Weisbach with Nikuradse's friction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pandas as pd

from geoplan.errors import GeoplanError, shown
from geoplan.model import Plan
from geoplan.network import WATER_KJ_PER_KG_K, Floats, PipeTable
from geoplan.pipework import Pipework, pipework
from geoplan.schema import HeatNetwork
from geoplan.units import SECONDS_PER_HOUR

#: Acceleration of gravity. [m/s²]
GRAVITY = 9.81
#: Dynamic viscosity of water at 100 °C; the rough flow of a heat network hardly depends on it. [Pa·s]
VISCOSITY_PA_S = 2.8e-4
#: Pressure of the reference junction of every network in the solver; only differences are used. [bar]
REFERENCE_BAR = 100.0
PA_PER_BAR = 1e5
#: A value this close above its limit still keeps it.
SLACK = 1e-6

PIPE_COLUMNS = {
    "from_id": str,
    "to_id": str,
    "new": bool,
    "name": str,
    "length_m": float,
    "dn_mm": int,
    "assumed": bool,
    "parallel": int,
    "flow_t_per_h": float,
    "velocity_m_per_s": float,
    "friction_pa_per_m": float,
    "drop_kpa": float,
}
NODE_COLUMNS = {
    "node_id": str,
    "kind": str,
    "name": str,
    "source_id": str,
    "loss_kpa": float,
    "available_kpa": float,
    "elevation_m": float,
    "static_kpa": float,
    "pressure_kpa": float,
}
SOURCE_COLUMNS = {
    "source_id": str,
    "name": str,
    "flow_t_per_h": float,
    "pump_head_m": float,
    "critical_village": str,
    "critical_name": str,
    "critical_loss_kpa": float,
}


@dataclass(frozen=True)
class Violation:
    """A limit that the network does not keep.

    Attributes
    ----------
    what : str
        ``friction``, ``velocity``, ``pump head``, ``static pressure`` or ``working pressure``.
    where : str
        The pipe as ``from > to``, the source or the village.
    measured, limit : float
    unit : str
        Unit of both.
    """

    what: str
    where: str
    measured: float
    limit: float
    unit: str

    def __str__(self) -> str:
        return f"{self.what} {self.measured:.4g} {self.unit} > {self.limit:.4g} {self.unit} at {self.where}"


@dataclass(frozen=True)
class Hydraulics:
    """The heat network on the design hour.

    Attributes
    ----------
    pipes : DataFrame
        One row per piece, in the direction of the flow: ``from_id``, ``to_id``, ``new``,
        ``name``, ``length_m``, ``dn_mm`` (``assumed`` where the layer has none),
        ``parallel`` pipes, ``flow_t_per_h`` of all of them, ``velocity_m_per_s``,
        ``friction_pa_per_m`` without and ``drop_kpa`` with local losses, of the supply line alone.
    nodes : DataFrame
        One row per source, village and junction: ``loss_kpa`` of supply and return from
        the first source of its network, ``available_kpa`` between supply and return,
        ``elevation_m`` and, where that is known, ``static_kpa`` (pumps at rest) and
        ``pressure_kpa`` (supply line, pumps running).
    sources : DataFrame
        ``flow_t_per_h``, ``pump_head_m``, and the village of the source that loses most.
    violations : tuple of Violation
    notes : tuple of str
        What was assumed and what could not be checked.
    """

    pipes: pd.DataFrame
    nodes: pd.DataFrame
    sources: pd.DataFrame
    violations: tuple[Violation, ...]
    notes: tuple[str, ...]

    @property
    def critical_village(self) -> Mapping[str, str]:
        """The village that loses most on its way from each source."""
        return dict(zip(self.sources["source_id"], self.sources["critical_village"], strict=True))


def check_hydraulics(plan: Plan) -> Hydraulics:
    """Pressures, velocities and pump heads of the heat network of a finished plan.

    Parameters
    ----------
    plan : Plan
        Its policy says temperature difference, roughness and density
        (``network.heat``) and the limits (``network.heat.hydraulics``).

    Returns
    -------
    Hydraulics
        Without rows where no village is on a heat network.

    Raises
    ------
    GeoplanError
        pandapipes is not installed.
    CertificateError
        The pipes of the plan do not hang together.

    Notes
    -----
    Sources joined by mains run together: the one that gives most holds the pressure, the
    others give what the plan books on them. The pressure difference at a junction is that
    at the first source less twice the loss to it; the first source makes as much as the
    worst village of the network needs for its station.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geoplan.model import County
    >>> from geoplan.planner import assign
    >>> from geoplan.policy import default_policy
    >>> frame = gpd.GeoDataFrame(
    ...     {"village_id": ["V1"], "name": ["甲村"], "town": ["乙镇"], "households": [100]},
    ...     geometry=[shapely.Point(500000, 4200000)], crs="EPSG:4544")
    >>> check_hydraulics(assign(County("demo", frame, default_policy()))).notes
    ('no village is on a heat network',)
    """
    work, heat = pipework(plan), plan.policy.network.heat
    if work.villages.empty:
        pipes, nodes, sources = (_table({}, c) for c in (PIPE_COLUMNS, NODE_COLUMNS, SOURCE_COLUMNS))
        return Hydraulics(pipes, nodes, sources, (), ("no village is on a heat network",))
    sized, flow = _sized(work, heat)
    pipes = _pipes(sized, flow, work.labels, heat)
    nodes, sources = _pressures(work, flow, heat)
    return Hydraulics(
        pipes,
        nodes,
        sources,
        tuple(_violations(pipes, nodes, sources, heat)),
        tuple(_notes(pipes, nodes)),
    )


# --- the solver -------------------------------------------------------------------------------------


def _pandapipes() -> ModuleType:
    try:
        import pandapipes  # noqa: PLC0415  # slow, and only this check needs it
    except ImportError as error:
        raise GeoplanError(
            "the hydraulic check needs pandapipes; run `pip install geoplan[hydraulics]`"
        ) from error
    return pandapipes


@dataclass(frozen=True)
class _Flow:
    """What the solver found: mass flow of every row of pipes and pressure of every junction. [kg/s, Pa]"""

    kg_per_s: Floats
    pressure_pa: dict[int, float]


def _sized(work: Pipework, heat: HeatNetwork) -> tuple[pd.DataFrame, _Flow]:
    """Pipes with a diameter each, and their flow; where nobody says, the smallest that carries the flow."""
    unknown = work.pipes["dn_mm"].isna().to_numpy()
    pipes = work.pipes.assign(assumed=unknown, dn_mm=work.pipes["dn_mm"].fillna(heat.pipes.dn_mm[-1]))
    flow = _solved(work, pipes, heat)
    if unknown.any():
        table = PipeTable.of_heat(heat)
        load = np.abs(flow.kg_per_s[unknown]) * _mw_per_kg_per_s(heat)
        pipes.loc[unknown, "dn_mm"] = table.dn_mm[table.size(load)].astype(float)
        pipes.loc[unknown, "parallel"] = table.pipes(load).astype(int)
        flow = _solved(work, pipes, heat)
    return pipes, flow


def _solved(work: Pipework, pipes: pd.DataFrame, heat: HeatNetwork) -> _Flow:
    """Flow and pressure of the supply line; local losses are pipe of the same diameter."""
    number = {node: k for k, node in enumerate(sorted(work.labels))}
    if pipes.empty:
        return _Flow(np.empty(0), dict.fromkeys(number, 0.0))
    pp = _pandapipes()
    water = pp.create_constant_fluid(
        "water",
        "liquid",
        density=heat.density_kg_per_m3,
        viscosity=VISCOSITY_PA_S,
        heat_capacity=WATER_KJ_PER_KG_K * 1000.0,
        compressibility=1.0,
        der_compressibility=0.0,
    )
    net = pp.create_empty_network(fluid=water, add_stdtypes=False)
    pp.create_junctions(net, len(number), pn_bar=REFERENCE_BAR, tfluid_k=373.15)
    first = _first(work.sources)
    others = work.sources.drop(index=first.index)
    pp.create_ext_grids(net, [number[n] for n in first["node"]], p_bar=REFERENCE_BAR, t_k=None, type="p")
    if len(others):
        mass = others["load_mw"].to_numpy() / _mw_per_kg_per_s(heat)
        pp.create_sources(net, [number[n] for n in others["node"]], mass)
    mass = work.villages["load_mw"].to_numpy() / _mw_per_kg_per_s(heat)
    pp.create_sinks(net, [number[n] for n in work.villages["node"]], mass)
    wide = pipes.loc[pipes.index.repeat(pipes["parallel"])]
    pp.create_pipes_from_parameters(
        net,
        [number[n] for n in wide["u"]],
        [number[n] for n in wide["v"]],
        length_km=(wide["length_m"] / 1000.0 * (1.0 + heat.hydraulics.local_loss_share)).to_numpy(),
        inner_diameter_mm=_inner_m(wide["dn_mm"].to_numpy(dtype=float), heat) * 1000.0,
        k_mm=heat.roughness_mm,
    )
    pp.pipeflow(
        net,
        friction_model="nikuradse",
        use_numba=False,
        max_iter_hyd=100,
        tol_p=1e-9,
        tol_m=1e-9,
        tol_res=1e-6,
    )
    per_pipe = net.res_pipe["mdot_from_kg_per_s"].groupby(wide.index.to_numpy()).sum()
    bar = net.res_junction["p_bar"].to_numpy(dtype=float) - REFERENCE_BAR
    return _Flow(per_pipe.to_numpy(dtype=float), dict(zip(number, (bar * PA_PER_BAR).tolist(), strict=True)))


def _mw_per_kg_per_s(heat: HeatNetwork) -> float:
    """Heat that a kilogram of water a second carries. [MW/(kg/s)]"""
    return WATER_KJ_PER_KG_K * heat.delta_t_k / 1000.0


def _inner_m(dn_mm: Floats, heat: HeatNetwork) -> Floats:
    """Inner diameters; of a size that the table lacks between those of its neighbours. [m]"""
    dn, inner = np.asarray(heat.pipes.dn_mm, dtype=float), np.asarray(heat.pipes.inner_diameter_m)
    return dn_mm * np.interp(dn_mm, dn, inner / dn)


def _first(sources: pd.DataFrame) -> pd.DataFrame:
    """The source of every connected network that gives most; it holds the pressure."""
    ordered = sources.reset_index().sort_values(
        ["part", "load_mw", "source_id"], ascending=[True, False, True]
    )
    return ordered.drop_duplicates("part").set_index("source_id")


# --- tables -----------------------------------------------------------------------------------------


def _table(values: Mapping[str, object], columns: Mapping[str, type]) -> pd.DataFrame:
    return pd.DataFrame(values, columns=list(columns)).astype(dict(columns)).reset_index(drop=True)


def _pipes(pipes: pd.DataFrame, flow: _Flow, labels: Mapping[int, str], heat: HeatNetwork) -> pd.DataFrame:
    back = flow.kg_per_s < 0
    u, v = (pipes[end].to_numpy() for end in "uv")
    start, end = np.where(back, v, u), np.where(back, u, v)
    drop = np.array([flow.pressure_pa[a] - flow.pressure_pa[b] for a, b in zip(start, end, strict=True)])
    mass = np.abs(flow.kg_per_s)
    area = (
        np.pi / 4.0 * _inner_m(pipes["dn_mm"].to_numpy(dtype=float), heat) ** 2 * pipes["parallel"].to_numpy()
    )
    straight = drop / (1.0 + heat.hydraulics.local_loss_share)
    found = {
        "from_id": [labels[node] for node in start],
        "to_id": [labels[node] for node in end],
        "flow_t_per_h": mass * SECONDS_PER_HOUR / 1000.0,
        "velocity_m_per_s": mass / (heat.density_kg_per_m3 * area),
        "friction_pa_per_m": straight / pipes["length_m"].to_numpy(),
        "drop_kpa": drop / 1000.0,
    }
    return _table({**pipes.to_dict("series"), **found}, PIPE_COLUMNS)


def _pressures(work: Pipework, flow: _Flow, heat: HeatNetwork) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Junctions and sources, every connected network held up by its first source. [kPa]"""
    limits = heat.hydraulics
    first = _first(work.sources).set_index("part")["node"]
    kpa = {node: pressure / 1000.0 for node, pressure in flow.pressure_pa.items()}
    loss = {node: kpa[first[part]] - kpa[node] for node, part in work.part.items()}
    here = work.villages.assign(
        loss=work.villages["node"].map(loss), part=work.villages["node"].map(work.part)
    )
    ahead = limits.station_kpa + 2.0 * here.groupby("part")["loss"].max()
    nodes = _nodes(work)
    supply = nodes["node"].map(loss)
    held = nodes["part"].map(ahead)
    kpa_per_m = heat.density_kg_per_m3 * GRAVITY / 1000.0
    below_top = nodes.groupby("part")["elevation_m"].transform("max") - nodes["elevation_m"]
    static = below_top * kpa_per_m + limits.static_reserve_kpa
    nodes = nodes.assign(
        loss_kpa=2.0 * supply,
        available_kpa=held - 2.0 * supply,
        static_kpa=static,
        pressure_kpa=static + held - supply,
    )
    return _table(nodes.to_dict("series"), NODE_COLUMNS), _table(
        _sources(work, here, loss, ahead, heat), SOURCE_COLUMNS
    )


def _nodes(work: Pipework) -> pd.DataFrame:
    """Sources, villages and the junctions that are neither."""
    sources = work.sources.reset_index(names="node_id").assign(kind="source", source_id="")
    villages = work.villages.reset_index(names="node_id").assign(kind="village")
    taken = {*sources["node"], *villages["node"]}
    free = [node for node in work.labels if node not in taken]
    junctions = pd.DataFrame({"node": free, "node_id": [work.labels[node] for node in free]})
    junctions = junctions.assign(kind="junction", name="", source_id="", elevation_m=np.nan)
    columns = ["node_id", "kind", "name", "source_id", "elevation_m", "node"]
    nodes = pd.concat([frame[columns] for frame in (sources, villages, junctions) if len(frame)])
    return nodes.reset_index(drop=True).assign(part=lambda frame: frame["node"].map(work.part))


def _sources(
    work: Pipework, villages: pd.DataFrame, loss: Mapping[int, float], ahead: pd.Series, heat: HeatNetwork
) -> dict[str, object]:
    """Flow, pump head and worst village of every source."""
    sources = work.sources
    own = sources["node"].map(loss)
    behind = villages["loss"] - villages["source_id"].map(own)
    worst = behind.groupby(villages["source_id"]).idxmax().reindex(sources.index)
    kpa = sources["node"].map(work.part).map(ahead) - 2.0 * own + heat.hydraulics.source_loss_kpa
    return {
        "source_id": sources.index,
        "name": sources["name"].to_numpy(),
        "flow_t_per_h": sources["load_mw"].to_numpy() / _mw_per_kg_per_s(heat) * SECONDS_PER_HOUR / 1000.0,
        "pump_head_m": (kpa * 1000.0 / (heat.density_kg_per_m3 * GRAVITY)).to_numpy(),
        "critical_village": worst.to_numpy(),
        "critical_name": villages["name"].reindex(worst).to_numpy(),
        "critical_loss_kpa": 2.0 * behind.reindex(worst).to_numpy(),
    }


# --- findings ---------------------------------------------------------------------------------------


def _violations(
    pipes: pd.DataFrame, nodes: pd.DataFrame, sources: pd.DataFrame, heat: HeatNetwork
) -> Iterator[Violation]:
    """Everything above its limit, pipes first."""
    limits = heat.hydraulics
    where = pipes["from_id"] + " > " + pipes["to_id"]
    friction = np.where(pipes["new"], limits.branch_friction_max_pa_per_m, limits.trunk_friction_max_pa_per_m)
    yield from _above("friction", where, pipes["friction_pa_per_m"], friction, "Pa/m")
    yield from _above("velocity", where, pipes["velocity_m_per_s"], heat.velocity_max_m_per_s, "m/s")
    yield from _above("pump head", sources["source_id"], sources["pump_head_m"], limits.pump_head_max_m, "m")
    most = limits.pressure_max_kpa
    yield from _above("static pressure", nodes["node_id"], nodes["static_kpa"], most, "kPa")
    # Where the pressure at rest is already too high, that is said once.
    running = nodes["pressure_kpa"].where(nodes["static_kpa"] <= most)
    yield from _above("working pressure", nodes["node_id"], running, most, "kPa")


def _above(
    what: str, where: pd.Series, measured: pd.Series, limit: float | np.ndarray, unit: str
) -> Iterator[Violation]:
    limits = np.broadcast_to(limit, len(measured))
    for place, value, most in zip(where, measured.tolist(), limits.tolist(), strict=True):
        if value > most * (1.0 + SLACK):
            yield Violation(what, str(place), value, most, unit)


def _notes(pipes: pd.DataFrame, nodes: pd.DataFrame) -> Iterator[str]:
    """What was assumed and what could not be checked."""
    if not pipes["new"].all():
        yield "mains carry what the plan puts on them; their load of today is not part of a plan"
    assumed = pipes[pipes["assumed"]]
    if len(assumed):
        metres = assumed["length_m"].sum()
        yield f"{metres:.0f} m of mains have no dn_mm; taken as the smallest size that carries their flow"
    places = nodes[nodes["kind"] != "junction"]
    unknown = places.loc[places["elevation_m"].isna(), "node_id"].tolist()
    if len(unknown) == len(places):
        yield "there are no elevations (elevation_m); pressures are not checked"
    elif unknown:
        yield f"no elevation_m, so no pressure, at {shown(unknown)}"

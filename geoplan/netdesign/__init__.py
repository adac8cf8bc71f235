"""Network design: which nodes a network connects, along which edges, in which size, from which source.

`design_network` takes tables and returns a `NetworkDesign`: the cheapest network found, and a lower
bound on the cost of every network. Nothing here knows of counties, fuels or policies.

Tables in, design out
    `api` the one call; `tables` what is wrong with the tables; `instance` the tables as arrays, all
    sources joined to one super-source; `design` the arrays as tables again; `check` the design checked
    and priced from the tables alone.
Ground
    `graph` arrays and compiled kernels; `orient` directions of a tree; `clock` the time limit; `lp` a
    linear program that grows by rows, its bound computed again from its duals.
No load matters: the prize-collecting Steiner tree (`steiner`)
    `plain` a first tree without compiled code; `reduction` smaller graphs; `dual_ascent` bounds, and
    arcs and nodes they rule out; `trees` trees and local search; `separation` violated cuts; `branch`
    branch and cut; `solve` their order.
Loads matter (`loads`)
    `plain` a first forest without compiled code; `forest` and `moves` prices and single moves;
    `anneal` and `search` ruin and recreate; `starts` forests from classical trees; `bridges` the
    largest load of each arc; `minorant` affine pieces below the sizes' cost; `ascent` multi-commodity
    dual ascent; `bounds` what bounds tell of arcs; `slots`, `volume` and `lagrange` the Lagrangian
    bound; `knapsack` and `packing` the one that splits no demand; `flow_model` branch and bound on
    what is left; `solve` their order; `budget` the case of one source with a limit and prices that no
    load changes, by branch and cut.
"""

from __future__ import annotations

from geoplan.netdesign.api import design_network
from geoplan.netdesign.design import NetworkDesign

__all__ = ["NetworkDesign", "design_network"]

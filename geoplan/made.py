"""Which data of a plan are made for illustration, and of which rows nobody says where they come from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import pandas as pd

from geoplan.columns import ILLUSTRATIVE
from geoplan.explain import messages
from geoplan.model import Plan

#: What is made of a row, in the brackets of its provenance.
MADE = re.compile(r"[（(](示意[^（()）]*)[)）]")


def layer_labels(lang: str = "zh") -> Mapping[str, str]:
    """Layers of a county in words, in the order in which they are named.

    Examples
    --------
    >>> layer_labels()["heat_mains"]
    '供热管网'
    """
    found: Mapping[str, str] = messages(lang)["layers"]
    return found


def _origins(plan: Plan) -> Iterator[tuple[str, pd.Series]]:
    """What every layer says of the origin of its rows.

    Sources stand in their layers; the plan's own tables add nothing that is not there.
    """
    layers = {"villages": plan.villages, **plan.layers}
    for stem in layer_labels():
        if stem in layers:
            rows = layers[stem]
            said = rows["provenance"] if "provenance" in rows else pd.Series("", index=rows.index)
            yield stem, said.astype("string").fillna("").str.strip()


def made_layers(plan: Plan) -> Mapping[str, pd.Series]:
    """Provenance of the made rows of every layer that has some."""
    found = {
        stem: said[said.str.startswith(ILLUSTRATIVE).to_numpy(dtype=bool)] for stem, said in _origins(plan)
    }
    return {stem: said for stem, said in found.items() if len(said)}


def unsourced(plan: Plan) -> int:
    """How many rows of the layers do not say where they come from."""
    return sum(int(said.eq("").sum()) for _, said in _origins(plan))


def contents(text: str) -> str:
    """What is made of a row.

    Examples
    --------
    >>> contents("illustrative（示意点位、示意户数）")
    '示意点位、示意户数'
    """
    return "、".join(MADE.findall(text)) or str(messages()["made_share"])


def made_said(plan: Plan, stems: Collection[str] | None = None) -> str:
    """The made layers among some, in words.

    Parameters
    ----------
    plan : Plan
    stems : collection of str, optional
        Layers that a table or a picture uses; without it all.

    Returns
    -------
    str
        Empty where none of them is made.
    """
    return "、".join(
        f"{layer_labels()[stem]}（{_each_once(said)}）"
        for stem, said in made_layers(plan).items()
        if stems is None or stem in stems
    )


def _each_once(said: pd.Series) -> str:
    """What is made of the rows of a layer, each word once."""
    found = [word for text in said for word in re.split(r"[、，]", contents(text))]
    return "、".join(dict.fromkeys(found))

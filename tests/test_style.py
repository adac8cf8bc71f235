"""Colours that readers with a colour-vision deficiency tell apart."""

import itertools
import re
import tomllib
from importlib import resources

import numpy as np
import pytest

#: Linear RGB as it is seen with full protanopia and deuteranopia; Machado, Oliveira and Fernandes (2009).
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}

#: What a reader tells apart without looking twice, in CIE Lab; about ten times what is just noticeable.
APART = 20.0


def asset(path: str) -> str:
    return resources.files("geoplan").joinpath(f"data/{path}").read_text("utf-8")


def linear(colour: str) -> np.ndarray:
    part = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE Lab of linear sRGB under D65."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    part = to_xyz @ np.clip(rgb, 0, 1) / (0.95047, 1.0, 1.08883)
    x, y, z = np.where(part > 216 / 24389, np.cbrt(part), (24389 / 27 * part + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(a: str, b: str, vision: str) -> float:
    seen = [lab(VISION[vision] @ linear(colour)) for colour in (a, b)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def routes() -> dict[str, dict[str, str]]:
    return tomllib.loads(asset("style.toml"))["routes"]


def test_lab_agrees_with_known_colours():
    assert lab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.05)
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert distance("#ff0000", "#00ff00", "normal") == pytest.approx(170.6, abs=0.2)


def test_red_and_green_of_one_lightness_are_near_for_the_colour_blind():
    assert distance("#b84040", "#5f7a2a", "normal") > 50
    assert distance("#b84040", "#5f7a2a", "deuteranopia") < APART


@pytest.mark.parametrize("vision", VISION)
def test_every_two_routes_are_told_apart(vision):
    colours = {route: entry["colour"] for route, entry in routes().items()}
    near = {
        pair: distance(colours[pair[0]], colours[pair[1]], vision)
        for pair in itertools.combinations(colours, 2)
        if distance(colours[pair[0]], colours[pair[1]], vision) < APART
    }
    assert near == {}


def test_the_mark_of_a_route_is_its_own_and_one_that_the_map_can_paint():
    marks = [entry["mark"] for entry in routes().values() if "mark" in entry]
    assert len(marks) == len(set(marks))
    painted = set(re.findall(r"^  (\w+): \[\[", asset("webmap/symbols.js"), re.MULTILINE))
    assert set(marks) <= painted | {"dot", "ring"}
    plain = [route for route, entry in routes().items() if "mark" not in entry]
    assert plain == ["district_heating", "deferred"]


@pytest.mark.parametrize("vision", VISION)
def test_the_shades_of_loading_grow_darker_in_clear_steps(vision):
    shades = re.findall(r'below: [\w.]+, colour: "(#\w+)"', asset("webmap/pipes.js"))
    assert len(shades) == 3
    lightness = [lab(VISION[vision] @ linear(shade))[0] for shade in shades]
    assert lightness[0] - lightness[1] > 15
    assert lightness[1] - lightness[2] > 15

"""The policy: merging, origins, and every refusal in words."""

from __future__ import annotations

import pytest

from geoplan.errors import PolicyError
from geoplan.policy import default_policy, load_policy
from geoplan.tables import flat


def refused(text):
    with pytest.raises(PolicyError) as caught:
        load_policy([("policy.toml", text)])
    return str(caught.value)


def test_overlays_are_merged_key_by_key_in_order():
    policy = load_policy(
        [
            ("policy.toml", "[carriers.gas]\nprice_cny = 2.0\nkwh_per_unit = 10"),
            ("a.toml", "[carriers.gas]\nprice_cny = 3.0"),
        ]
    )
    assert (policy.carriers["gas"].price_cny, policy.carriers["gas"].kwh_per_unit) == (3.0, 10.0)
    assert policy.carriers["gas"].unit == "m3"
    assert policy.origins["carriers.gas.price_cny"].file == "a.toml"
    assert policy.origins["carriers.gas.kwh_per_unit"].file == "policy.toml"
    assert policy.origins["carriers.gas.co2_kg"].file == "default.toml"


def test_a_number_takes_its_own_source_or_that_of_its_table():
    text = """
[climate]
source = "本县气象站"
season_days = 150
outdoor_design_c = {value = -15, source = "另册", confidence = "S-H"}
"""
    policy = load_policy([("policy.toml", text)])
    assert policy.origins["climate.season_days"].source == "本县气象站"
    assert policy.origins["climate.outdoor_design_c"].source == "另册"
    assert policy.origins["climate.outdoor_design_c"].confidence == "S-H"


def test_every_default_number_has_source_and_confidence():
    policy = default_policy()
    bare = [
        path
        for path, value in flat(policy.model_dump(by_alias=True, exclude_none=True))
        if isinstance(value, float | int) and not isinstance(value, bool) and path in policy.origins
        if not (policy.origins[path].source and policy.origins[path].confidence)
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("comparison_bassis = 'behaviour'", "did you mean 'comparison_basis'"),
        ("[network.heat]\ndelta_t = 50", "did you mean 'delta_t_k'"),
        ("[routes.gas.capex.boiler]\ncny_per_unt = 1", "did you mean 'cny_per_unit'"),
        ("order = ['gass']", "did you mean 'gas'"),
        ("order = ['gas', ['heat_pump', 'gas']]", "'gas' twice"),
        ("[rules.a]\nroutes = ['gas']\ncolumn = 'housholds'\nmin = 1", "did you mean 'households'"),
        ("[rules.a]\nroutes = ['gas']\ncolumn = 'town'", "at least one of min, max, in, not_in"),
        ("[climate]\nseason_days = '145'", "valid number; got '145'"),
        ("[climate]\nseason_days = nan", "finite number"),
        ("[demand]\ncoincidence = 1.5", "less than or equal to 1"),
        ("[climate]\nseason_days = {value = 145, sorce = 'x'}", "did you mean 'source'"),
        ("[milestone]\nday = 2022-04-31", "not a TOML document"),
        ("a = [", "not a TOML document"),
        ("a = " + "[" * 5000, "not a TOML document"),
        ("[network.heat.pipes]\ndn_mm = [50]", "same length"),
        ("[routes.gas]\ncarrier = 'gass'", "did you mean 'gas'"),
        ("[carriers.gas]\nprice_cny = -1", "greater than or equal to 0"),
    ],
)
def test_refusals_name_the_file_the_key_and_the_remedy(text, said):
    message = refused(text)
    assert message.startswith("policy.toml")
    assert said in message


def test_all_problems_are_said_at_once():
    message = refused("comparison_bassis = 'x'\n[climate]\nseason_days = 1000\n[demand]\ncoincidence = -1")
    assert "3 problems" in message


def test_a_byte_order_mark_is_no_problem():
    assert load_policy([("policy.toml", "\ufefftitle = 'x'")]).title == "x"


def test_the_policy_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        default_policy().title = "y"

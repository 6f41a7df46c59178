"""Methods, coefficients, staleness: small rules, stated exactly."""

from __future__ import annotations

from dataclasses import replace
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwffsim.architecture.groups import OBJECTIVES
from pwffsim.federation import declarations
from pwffsim.federation.aggregation import coefficients
from pwffsim.federation.coordination import MODES
from pwffsim.federation.method import Method
from pwffsim.federation.methods import METHODS
from pwffsim.federation.staleness import STALENESS
from pwffsim.federation.weighting import WEIGHTS
from pwffsim.world.coordination import COORDINATION


def test_pwff_shares_adapters_and_keeps_lora():
    pwff = METHODS["pwff"]
    assert (pwff.shared, pwff.personal) == (("adapters",), ("lora",))


def test_local_only_shares_nothing():
    alone = METHODS["local_only"]
    assert alone.shared == () and not alone.share_rewards


WHAT_TRAVELS = {
    "centralised": ((), ()),
    "dual": (("lora",), ("adapters",)),
    "fedada": (("adapters",), ()),
    "fedlora": (("lora",), ()),
    "local_only": ((), ("adapters", "lora")),
    "pfl": (("adapters", "lora"), ()),
    "pwff": (("adapters",), ("lora",)),
    "pwff_equal": (("adapters",), ("lora",)),
    "sfl": (("adapters",), ("lora",)),
    "shepherd": (("lora",), ()),
    "vanilla_fl": (("adapters", "lora"), ()),
}
"""Method -> what is shared, what stays."""


def test_what_of_the_policy_travels_and_what_stays():
    assert {name: (method.shared, method.personal) for name, method in METHODS.items()} == WHAT_TRAVELS


def test_the_paper_gives_two_methods_one_reward_model():
    assert {name for name, method in METHODS.items() if method.objectives == ("helpfulness",)} == {"sfl", "shepherd"}
    assert all(method.objectives == OBJECTIVES for name, method in METHODS.items() if name not in ("sfl", "shepherd"))


def test_the_papers_two_names_of_one_configuration():
    """Vanilla FL of its Fig. 4 and PFL of its Fig. 5 differ in nothing but their names."""
    same = {"name": "", "summary": ""}
    assert replace(METHODS["pfl"], **same) == replace(METHODS["vanilla_fl"], **same)


def test_every_declared_mode_has_its_process():
    assert set(MODES) == set(COORDINATION) == set(declarations.MODES)


def test_a_method_cannot_share_what_it_does_not_train():
    with pytest.raises(ValueError, match=r"method 'odd' shares \['lora'\] without training it"):
        Method(name="odd", summary="", trained=("adapters",), shared=("lora",), share_rewards=True)


@pytest.mark.parametrize("objectives", [(), ("harmlessness", "helpfulness"), ("humour",)])
def test_a_method_has_objectives_that_there_are(objectives):
    with pytest.raises(ValueError, match=r"take some of \('helpfulness', 'harmlessness'\)"):
        Method(name="odd", summary="", trained=("lora",), shared=(), share_rewards=False, objectives=objectives)


@pytest.mark.parametrize("sharing", [{"shared": ("lora",)}, {"share_rewards": True}])
def test_a_pooled_method_has_nothing_to_share(sharing):
    given = {"shared": (), "share_rewards": False, **sharing}
    with pytest.raises(ValueError, match="'odd' learns at the server and has nothing to share"):
        Method(name="odd", summary="", trained=("lora",), pooled=True, **given)


def test_a_method_file_is_enough(tmp_path, monkeypatch):
    from pwffsim.federation import methods

    source = "from pwffsim.federation.method import Method\n"
    source += "METHOD = Method(name='late', summary='', trained=('lora',), shared=(), share_rewards=False)\n"
    (tmp_path / "late.py").write_text(source)
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path)])
    assert "late" in methods._registered()


@given(st.lists(st.tuples(st.floats(0.1, 1e6), st.floats(0.01, 1)), min_size=1, max_size=50))
def test_coefficients_sum_to_one(pairs):
    weights, factors = zip(*pairs, strict=True)
    assert abs(fsum(coefficients(weights, factors)) - 1) <= 1e-12


def test_coefficients_are_products_normalised():
    assert coefficients([1, 3], [1.0, 0.5]) == (0.4, 0.6)


def test_nothing_cannot_be_aggregated():
    with pytest.raises(ValueError, match="at least one update"):
        coefficients([], [])


@pytest.mark.parametrize(("age", "factor"), [(0, 1.0), (1, 2**-0.5), (3, 0.5)])
def test_polynomial_staleness(age, factor):
    assert STALENESS["polynomial"](age, 0.5) == pytest.approx(factor, rel=1e-15)


def test_client_weights():
    assert (WEIGHTS["samples"](7), WEIGHTS["uniform"](7)) == (7.0, 1.0)

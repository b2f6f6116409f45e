"""Addresses: no two subnets of an environment overlap, whatever regions it has, and a region keeps its own."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelplane_infra import naming, topology
from reelplane_infra.stack import Layer, StackName, waves


@given(st.sets(st.integers(0, topology.SLOTS - 1), min_size=1), st.integers(1, 3))
def test_no_two_subnets_of_an_environment_overlap(slots: set[int], zones: int) -> None:
    plans = [topology.subnets(slot, zones) for slot in slots]
    assert not any(one.vpc.overlaps(other.vpc) for one, other in combinations(plans, 2))
    for plan in plans:
        blocks = [*plan.private, *plan.isolated, *plan.public]
        assert len(blocks) == 3 * zones
        assert all(block.subnet_of(plan.vpc) for block in blocks)
        assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))


@given(st.integers(0, topology.SLOTS - 1))
def test_another_zone_moves_no_subnet_that_exists(slot: int) -> None:
    two, three = topology.subnets(slot, 2), topology.subnets(slot, 3)
    assert three.private[:2] == two.private
    assert three.isolated[:2] == two.isolated
    assert three.public[:2] == two.public


@pytest.mark.parametrize(("slot", "zones"), [(-1, 3), (topology.SLOTS, 3), (0, 0), (0, 4)])
def test_addresses_outside_of_the_plan_are_refused(slot: int, zones: int) -> None:
    with pytest.raises(ValueError, match=r"slot|zones"):
        topology.subnets(slot, zones)


def test_every_region_has_three_zones_and_a_short_form() -> None:
    assert all(len(topology.availability_zones(region, 3)) == 3 for region in topology.REGIONS)
    assert topology.ZONE_ID_PREFIX.keys() == topology.REGIONS


@given(st.text("abcxyz09", min_size=2, max_size=8), st.sampled_from(sorted(topology.REGIONS)))
def test_a_fitted_name_is_never_longer_than_its_service_takes(environment: str, region: str) -> None:
    assert len(naming.fitted(naming.SEARCH, environment, region, "search")) <= naming.SEARCH.length


def test_a_name_that_fits_in_no_form_is_refused_with_the_limits_source() -> None:
    with pytest.raises(naming.NameTooLong, match=r"docs\.aws\.amazon\.com"):
        naming.fitted(naming.SEARCH, "startup", "ap-southeast-1", "a-component-of-a-long-name")


@pytest.mark.parametrize("text", ["dev.region.us-west-2", "dev.foundation", "global.platform.eu-west-1"])
def test_a_stack_name_is_read_as_it_is_written(text: str) -> None:
    assert str(StackName.parse(text)) == text


@pytest.mark.parametrize("text", ["dev", "dev.region", "dev.foundation.us-west-2", "dev.nothing"])
def test_a_name_that_is_no_stacks_is_refused_with_the_right_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"<environment>\.<layer>"):
        StackName.parse(text)


def test_a_stack_reads_only_what_is_deployed_before_it_and_a_region_no_other_region() -> None:
    regions = ["us-west-2", "eu-west-1"]
    done: set[StackName] = set()
    for wave in waves("dev", regions):
        for stack in wave:
            assert set(stack.reads(regions)) <= done
            if stack.region:
                assert {each.region for each in stack.reads(regions)} <= {None, stack.region}
        done.update(wave)
    assert {each.layer for each in done} == set(Layer)

"""One recorder for all tests of the infrastructure, and every plan recorded once.

``plan("global", Mode.UPDATE)`` is the recorded plan of a shipped environment; ``environment(...)`` is a small one
with changes; ``program(...)`` records a few lines of a program of the test's own.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest

from reelplane_infra.checks.accept import Acceptance, accept
from reelplane_infra.config import Environment, load
from reelplane_infra.record import Mode, Record, RecordedPlan, Recorder, Value
from reelplane_infra.stack import StackName

PRELUDE = """
import pulumi
from pathlib import Path
from reelplane_infra.config import from_config
from reelplane_infra.inputs import Inputs
from reelplane_infra.place import Place
from reelplane_infra.stack import StackName
stack = StackName.parse(pulumi.get_stack())
environment = from_config(pulumi.Config("reelplane").require("environment"), Path("."))
place = Place.of(environment, stack.region)
inputs = Inputs(environment, stack)
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-ledger", action="store_true", help="write tests/infra/ledger.json anew")


class Program(Protocol):
    def __call__(
        self,
        source: str,
        *,
        stack: str = "dev.region.us-west-2",
        mode: Mode = Mode.UPDATE,
        environment: Environment | None = None,
        before: Mapping[str, Mapping[str, Value]] | None = None,
    ) -> Record: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever comes first records a whole environment, which takes minutes on a busy machine."""
    for each in items:
        if each.path.is_relative_to(Path(__file__).parent) and each.get_closest_marker("timeout") is None:
            each.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def recorder() -> Iterator[Recorder]:
    with Recorder() as made:
        yield made


@pytest.fixture(scope="session")
def plan(recorder: Recorder) -> Callable[[str, Mode], RecordedPlan]:
    """The recorded plan of a shipped environment, recorded once a session."""

    @cache
    def recorded(name: str, mode: Mode) -> RecordedPlan:
        return recorder.environment(load(name), mode)

    return recorded


@pytest.fixture(scope="session")
def dev(plan: Callable[[str, Mode], RecordedPlan]) -> RecordedPlan:
    return plan("dev", Mode.UPDATE)


@pytest.fixture(scope="session")
def everywhere(plan: Callable[[str, Mode], RecordedPlan]) -> RecordedPlan:
    """The plan of ``global``: all layers, five regions."""
    return plan("global", Mode.UPDATE)


@pytest.fixture(scope="session")
def proven(recorder: Recorder, dev: RecordedPlan) -> RecordedPlan:
    """What the emulators create: ``dev``, and of ``global`` a primary, its recovery region and one shard over both.

    It has every resource type that ``global`` has, each in two regions, in a third of the time.
    """
    whole = load("global").model_dump(mode="json")
    pair = ("us-west-2", "us-east-1")
    whole["regions"] = [each for each in whole["regions"] if each["name"] in pair]
    whole["regions"][0]["weight"] = 100
    whole["data"]["relational"] |= {"shards": 1, "secondary_regions": ["us-east-1"]}
    whole["data"]["widecolumn"]["regions"] = list(pair)
    whole["data"]["replication"]["copies"] = 2
    wide = recorder.environment(Environment.model_validate_json(json.dumps(whole)), Mode.UPDATE)
    return RecordedPlan(wide.environment, Mode.UPDATE, (*dev.records, *wide.records))


@pytest.fixture(scope="session")
def accepted(proven: RecordedPlan) -> Acceptance:
    """What both emulators made of ``proven``, once a session."""
    return accept(proven)


@pytest.fixture(scope="session")
def environment() -> Callable[..., Environment]:
    """A shipped environment (``base``) with fields replaced: ``environment(region={"network": {"zones": 3}})``."""

    def made(base: str = "dev", **changes: Any) -> Environment:
        return Environment.model_validate_json(
            Environment.model_validate({**load(base).model_dump(mode="json"), **changes}).model_dump_json()
        )

    return made


@pytest.fixture
def program(recorder: Recorder, tmp_path: Path) -> Program:
    """Records lines of a program, which find ``environment``, ``stack``, ``place`` and ``inputs`` set."""

    def recorded(
        source: str,
        *,
        stack: str = "dev.region.us-west-2",
        mode: Mode = Mode.UPDATE,
        environment: Environment | None = None,
        before: Mapping[str, Mapping[str, Value]] | None = None,
    ) -> Record:
        path = tmp_path / "program.py"
        path.write_text(PRELUDE + textwrap.dedent(source))
        chosen = environment or load("dev")
        return recorder.stack(chosen, StackName.parse(stack), mode, before=before, program=path)

    return recorded

"""An environment recorded and priced: what nearly every command starts with."""

from __future__ import annotations

from dataclasses import dataclass

from reelplane_infra.cli.failure import WRONG_INPUT, Failure
from reelplane_infra.config import ConfigError, Environment, load
from reelplane_infra.price import book
from reelplane_infra.price.cost import Cost, cost
from reelplane_infra.record import Mode, RecordedPlan, RecordError, record_environment


@dataclass(frozen=True, slots=True)
class Priced:
    """One environment, its plan and what that costs."""

    environment: Environment
    plan: RecordedPlan
    cost: Cost


def environment(source: str) -> Environment:
    """A shipped environment or a file. Raises Failure."""
    try:
        return load(source)
    except ConfigError as error:
        raise Failure(str(error), code=WRONG_INPUT) from error


def prices() -> book.Book:
    """The price book. Raises Failure."""
    try:
        return book.load()
    except book.PriceError as error:
        raise Failure(str(error)) from error


def priced(source: str) -> Priced:
    """Records and prices. Raises Failure."""
    rows = prices()
    chosen = environment(source)
    try:
        plan = record_environment(chosen, Mode.UPDATE)
    except RecordError as error:
        raise Failure(str(error), "the program ends there: see the line it names") from error
    return Priced(chosen, plan, cost(plan, rows))

"""Which stack runs when: wave after wave, the stacks of a wave at the same time, and nothing behind what failed.

A stack waits for those that it reads (``up``) or for those that read it (``destroy``). When one fails, what waits for
it is blocked and never started; its siblings, other regions, finish. Everything is decided from the graph: the engine
is only told to run a stack.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

from reelplane_infra.config import Environment
from reelplane_infra.deploy.engine import Done, Engine, EngineError
from reelplane_infra.deploy.journal import Journal, fingerprint
from reelplane_infra.record import stack_config
from reelplane_infra.stack import Layer, StackName, waves

PARALLEL = 5
"""Stacks of a wave that run at the same time: as many as there are regions."""


class Outcome(StrEnum):
    DONE = "done"
    UNCHANGED = "unchanged"
    """Carried out before from the same program and config: not run again."""
    FAILED = "failed"
    BLOCKED = "blocked"
    """Not run, since something that it waits for failed."""


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one stack."""

    stack: StackName
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    """Why it failed, or what blocked it."""
    changes: Mapping[str, int] = field(default_factory=dict)


class MissingStackError(Exception):
    """A layer is to run alone, and one that it reads was never carried out."""


def order(environment: Environment, layers: Collection[Layer] = ()) -> tuple[tuple[StackName, ...], ...]:
    """The waves of an environment, of those layers only if any are given."""
    found = waves(environment.name, (each.name for each in environment.regions))
    return tuple(wave for wave in found if not layers or wave[0].layer in layers)


def fingerprints(environment: Environment, sources: str) -> dict[StackName, str]:
    """Of every stack, in graph order."""
    names = [each.name for each in environment.regions]
    made: dict[StackName, str] = {}
    for wave in waves(environment.name, names):
        for stack in wave:
            above = [made[each] for each in stack.reads(names)]
            made[stack] = fingerprint(stack_config(environment, stack), sources, above)
    return made


def up(
    environment: Environment,
    engine: Engine,
    journal: Journal,
    sources: str,
    *,
    layers: Collection[Layer] = (),
    again: bool = False,
    tell: Callable[[Step], None] = lambda _: None,
) -> tuple[Step, ...]:
    """Carries out an environment. Stacks that the journal has with the same fingerprint are left alone.

    ``again`` runs them too. ``tell`` gets each step as it ends. Raises MissingStackError before anything is run.
    """
    names = [each.name for each in environment.regions]
    marks = fingerprints(environment, sources)
    wanted = order(environment, layers)
    _require(wanted, names, engine)

    def run(stack: StackName) -> tuple[Outcome, Done]:
        if not again and journal.has(stack, marks[stack]) and engine.exists(stack):
            return Outcome.UNCHANGED, Done({})
        journal.remove(stack)
        done = engine.up(stack, stack_config(environment, stack))
        journal.add(stack, marks[stack])
        return Outcome.DONE, done

    return _walk(wanted, lambda stack: stack.reads(names), run, tell)


def destroy(
    environment: Environment,
    engine: Engine,
    journal: Journal,
    *,
    layers: Collection[Layer] = (),
    tell: Callable[[Step], None] = lambda _: None,
) -> tuple[Step, ...]:
    """Removes an environment, the last layer first. A stack goes when all that read it are gone."""
    names = [each.name for each in environment.regions]
    every = [stack for wave in waves(environment.name, names) for stack in wave]
    readers = {stack: tuple(each for each in every if stack in each.reads(names)) for stack in every}

    def run(stack: StackName) -> tuple[Outcome, Done]:
        journal.remove(stack)
        return Outcome.DONE, engine.destroy(stack, stack_config(environment, stack))

    return _walk(order(environment, layers)[::-1], readers.__getitem__, run, tell)


def _require(wanted: Sequence[Sequence[StackName]], names: Sequence[str], engine: Engine) -> None:
    inside = {stack for wave in wanted for stack in wave}
    outside = dict.fromkeys(each for stack in inside for each in stack.reads(names) if each not in inside)
    missing = sorted(str(each) for each in outside if not engine.exists(each))
    if missing:
        raise MissingStackError(f"{', '.join(missing)}: read by what is asked for, and never carried out")


def _walk(
    wanted: Iterable[Sequence[StackName]],
    waits_for: Callable[[StackName], Iterable[StackName]],
    run: Callable[[StackName], tuple[Outcome, Done]],
    tell: Callable[[Step], None],
) -> tuple[Step, ...]:
    steps: dict[StackName, Step] = {}

    def one(stack: StackName) -> Step:
        began = time.monotonic()
        try:
            outcome, done = run(stack)
        except EngineError as error:
            step = Step(stack, Outcome.FAILED, time.monotonic() - began, str(error))
        else:
            step = Step(stack, outcome, time.monotonic() - began, changes=done.changes)
        tell(step)
        return step

    with ThreadPoolExecutor(PARALLEL) as pool:
        for wave in wanted:
            stopped = {stack: _stopping(waits_for(stack), steps) for stack in wave}
            for stack, causes in stopped.items():
                if causes:
                    steps[stack] = Step(stack, Outcome.BLOCKED, message=f"waits for {', '.join(causes)}")
                    tell(steps[stack])
            steps.update(zip(*_free(stopped, pool, one), strict=True))
    return tuple(steps.values())


def _free(
    stopped: Mapping[StackName, tuple[str, ...]], pool: ThreadPoolExecutor, one: Callable[[StackName], Step]
) -> tuple[list[StackName], list[Step]]:
    stacks = [stack for stack, causes in stopped.items() if not causes]
    return stacks, list(pool.map(one, stacks))


def _stopping(stacks: Iterable[StackName], steps: Mapping[StackName, Step]) -> tuple[str, ...]:
    bad = (Outcome.FAILED, Outcome.BLOCKED)
    return tuple(str(each) for each in stacks if each in steps and steps[each].outcome in bad)

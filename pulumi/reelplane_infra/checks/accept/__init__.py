"""Acceptance: a recorded plan created, resource by resource, in two emulators of AWS.

``accept`` translates every resource to calls of AWS's API (the tables, one file per service), sends them to each
emulator (``emulators``) in the order of dependencies (``world``) and replaces recorded ids by the ones that it
answers (``symbols``), so that a wrong reference is refused as AWS would refuse it. What an emulator refuses is a
fault of the plan; what neither knows is said by the ledger.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from reelplane_infra.checks.accept.emulators import Name, emulator
from reelplane_infra.checks.accept.outcome import Acceptance, Attempt, Outcome
from reelplane_infra.checks.accept.tables import TRANSLATIONS
from reelplane_infra.checks.accept.world import World
from reelplane_infra.record import Mode, RecordedPlan

__all__ = ["Acceptance", "Attempt", "Name", "Outcome", "accept"]

AWS: Final = "aws:"
"""How the type tokens of pulumi-aws begin; what other providers make is none of AWS's."""


def accept(
    plan: RecordedPlan, say: Callable[[str], None] = lambda _: None, emulators: tuple[Name, ...] = tuple(Name)
) -> Acceptance:
    """Create ``plan`` in each of ``emulators``, side by side; ``say`` gets a line per stack and emulator.

    Nothing is skipped: resources that several regions have alike are made in each. Raises ValueError for a plan that
    was recorded in the mode preview, and emulators.NotStarted.
    """
    if plan.mode is not Mode.UPDATE:
        raise ValueError("an emulator is sent values: record the plan in the mode update")
    start = time.monotonic()
    with ThreadPoolExecutor(len(emulators)) as pool:
        attempts = [
            each for made in pool.map(lambda name: _world(name, plan, say), emulators) for each in made
        ]
    aws = (resource.type for _, resource in plan.resources() if resource.type.startswith(AWS))
    untranslated = Counter(each for each in aws if each not in TRANSLATIONS)
    return Acceptance(tuple(attempts), dict(sorted(untranslated.items())), time.monotonic() - start)


def _world(name: Name, plan: RecordedPlan, say: Callable[[str], None]) -> list[Attempt]:
    with emulator(name, str(plan.environment["account"])) as running:
        world = World(running, TRANSLATIONS)
        attempts: list[Attempt] = []
        for each in world.create(plan):
            if attempts and attempts[-1].stack != each.stack:
                say(_line(name, attempts[-1].stack, attempts))
            attempts.append(each)
        if attempts:
            say(_line(name, attempts[-1].stack, attempts))
        return attempts


def _line(name: Name, stack: str, attempts: list[Attempt]) -> str:
    counts = Counter(each.outcome for each in attempts if each.stack == stack)
    return f"{name} {stack}: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))

"""``up`` and ``destroy``: the order and the cost first, then stack by stack with what became of each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from threading import Lock

import typer

from reelplane_infra.cli import checking
from reelplane_infra.cli.failure import WRONG_INPUT, Failure
from reelplane_infra.cli.priced import environment as read
from reelplane_infra.cli.priced import priced
from reelplane_infra.config import Environment
from reelplane_infra.deploy import schedule
from reelplane_infra.deploy.engine import Engine, EngineError
from reelplane_infra.deploy.journal import Journal, JournalError, sources
from reelplane_infra.deploy.schedule import MissingStackError, Outcome, Step
from reelplane_infra.price.cost import Cost, Range
from reelplane_infra.report.words import dollars
from reelplane_infra.stack import Layer, StackName

ROOT = Path(__file__).resolve().parents[3]
"""Where Pulumi.yaml is."""
JOURNALS = Path(".reelplane-infra")


def up(
    source: str,
    *,
    layers: Collection[Layer],
    dry_run: bool,
    yes: bool,
    again: bool,
    checks: str,
    secrets: str | None,
) -> None:
    """Checks, prices, asks, carries out. Raises Failure."""
    names = checking.chosen(checks)
    # Without an engine there is nothing to price for: said at once, not after the minute that a record takes.
    engine = None if dry_run else _engine(secrets)
    made = priced(source)
    wanted = schedule.order(made.environment, layers)
    typer.echo(steps(wanted, made.cost))
    checked = checking.run(made.plan, made.cost, names)
    if checked.failed:
        raise Failure(
            f"{source}: the plan has mandatory findings, nothing was done",
            f"`reelplane-infra preview {source} --checks {checks}` lists them",
            code=WRONG_INPUT,
        )
    if engine is None:
        return
    _agree(yes, made.environment, "carry this out")
    _run(
        lambda journal: schedule.up(
            made.environment,
            engine,
            journal,
            sources(ROOT / "pulumi"),
            layers=layers,
            again=again,
            tell=_tell(),
        ),
        made.environment,
    )


def destroy(source: str, *, layers: Collection[Layer], dry_run: bool, yes: bool) -> None:
    """Asks and removes. Raises Failure."""
    chosen = read(source)
    wanted = schedule.order(chosen, layers)[::-1]
    for number, wave in enumerate(wanted, start=1):
        typer.echo(f"{number}  {', '.join(map(str, wave))}")
    if dry_run:
        return
    if not chosen.teardown:
        raise Failure(
            f"{source}: what holds data is protected, a destroy would stop at it",
            "set `teardown: true`, carry that out with `up`, then destroy",
        )
    engine = _engine(None)
    _agree(yes, chosen, "remove all of it, with its data")
    _run(lambda journal: schedule.destroy(chosen, engine, journal, layers=layers, tell=_tell()), chosen)


def steps(wanted: Sequence[Sequence[StackName]], cost: Cost) -> str:
    """The order with the cost of each stack, and what is paid a month once it and all before it run."""
    by_stack = cost.by("stack")
    lines = [f"{'':<3}{'STACK':<34}{'A MONTH':>10}{'LOW':>10}{'HIGH':>10}{'FROM THEN ON':>15}"]
    paid = 0.0
    for number, wave in enumerate(wanted, start=1):
        for stack in wave:
            own = by_stack.get((str(stack),), Range())
            paid += own.expected
            figures = "".join(f"{dollars(each):>10}" for each in (own.expected, own.low, own.high))
            lines.append(f"{number:<3}{stack!s:<34}{figures}{dollars(paid):>15}")
    return "\n".join(lines)


def _engine(secrets: str | None) -> Engine:
    # Pulumi's Automation API is imported by who uses it: it takes a second.
    from reelplane_infra.deploy.automation import Automation  # noqa: PLC0415

    try:
        return Automation(ROOT, secrets_provider=secrets, say=typer.echo)
    except EngineError as error:
        raise Failure(str(error), "everything but up and destroy works without it") from error


def _agree(yes: bool, environment: Environment, what: str) -> None:
    """The environment's name, typed: more than a y that fingers know by heart."""
    if yes:
        return
    asked = f"Account {environment.account}: {what}? Type {environment.name} to go on"
    if typer.prompt(asked, default="", show_default=False) != environment.name:
        raise Failure("not confirmed, nothing was done")


def _tell() -> Callable[[Step], None]:
    lock = Lock()

    def tell(step: Step) -> None:
        changes = ", ".join(f"{count} {kind}" for kind, count in sorted(step.changes.items()))
        told = step.message or changes
        with lock:
            typer.echo(f"{step.outcome:<10}{step.stack!s:<34}{step.seconds:>6.0f} s  {told}".rstrip())

    return tell


def _run(act: Callable[[Journal], tuple[Step, ...]], environment: Environment) -> None:
    try:
        ended = act(Journal(JOURNALS, environment.name))
    except (MissingStackError, JournalError, EngineError) as error:
        raise Failure(str(error)) from error
    bad = [each for each in ended if each.outcome in (Outcome.FAILED, Outcome.BLOCKED)]
    if bad:
        failed = ", ".join(str(each.stack) for each in bad if each.outcome is Outcome.FAILED)
        raise Failure(
            f"{failed} failed; {len(ended) - len(bad)} of {len(ended)} stacks are done",
            "run it again to go on",
        )

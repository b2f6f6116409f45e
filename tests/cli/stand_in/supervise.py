"""Runs ``reelplane_cli.up.run`` with stand-in processes: what ``reelplane up`` does, for a plan given as JSON.

    supervise.py CR_FILE STATE SPECS_JSON PORT [BACKLOG_JSON]

SPECS_JSON: a list of ProcessSpec fields, or the string "valkey" for the plan's own. BACKLOG_JSON: a file with
what GET /v1/status would say, read anew each time.
"""

import json
import sys
from pathlib import Path
from typing import Any

from reelplane_cli.errors import Failure
from reelplane_cli.files import read_plan
from reelplane_cli.up import run
from reelplane_plan.render.processes import ProcessSpec, render
from reelplane_plan.scale import ScalingRule

file, state, specs_file, port, *rest = sys.argv[1:]
planned = read_plan([Path(file)], target="local", state=Path(state), extractor=Path(state))
real = {spec.name: spec for spec in render(planned.plan, planned.facts)}


def spec(value: Any) -> ProcessSpec:
    if isinstance(value, str):
        return real[value]
    rule = ScalingRule(**value.pop("rule")) if "rule" in value else None
    argv, after = tuple(value.pop("argv")), tuple(value.pop("after", ()))
    return ProcessSpec(argv=argv, after=after, rule=rule, **value)


def read_backlog() -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(Path(rest[0]).read_text())
        return value
    except (OSError, ValueError):
        return None


async def backlog() -> dict[str, Any] | None:
    return read_backlog()


specs = [spec(value) for value in json.loads(Path(specs_file).read_text())]
try:
    run(planned, specs, host="127.0.0.1", port=int(port), colour=False, source=backlog if rest else None)
except Failure as failure:
    print(f"{failure.message}\n{failure.fix}", file=sys.stderr)
    sys.exit(failure.code)

"""``reelplane render`` and ``reelplane plan``: what would run, without running it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import yaml

from reelplane_cli.files import Planned
from reelplane_cli.local.identity import alive
from reelplane_cli.local.record import Record
from reelplane_plan.diff import Running, compare
from reelplane_plan.render import manifests, processes
from reelplane_plan.render.processes import ProcessSpec

Format = Literal["yaml", "json"]


def render(planned: Planned, *, form: Format) -> str:
    """The plan as processes or manifests, as its target says. Secrets that are made once are named, not made."""
    if planned.plan.target == "cluster":
        objects = manifests.render(planned.plan, planned.facts)
        if form == "json":
            return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2)
        return _made_once(planned) + yaml.safe_dump_all(objects, sort_keys=False).rstrip()
    described = [_describe(spec) for spec in processes.render(planned.plan, planned.facts)]
    if form == "json":
        return json.dumps(described, indent=2)
    return yaml.safe_dump(described, sort_keys=False).rstrip()


def difference(planned: Planned) -> str:
    """What ``up`` would change against the platform that runs from the same state folder, if one does."""
    specs = processes.render(planned.plan, planned.facts)
    record = Record.read(planned.folder.path)
    live: Sequence[Running] = ()
    if record is not None and alive(record.id):
        live = [
            Running(process.group, process.name, process.fingerprint, _document(planned, process.group))
            for process in record.processes
        ]
    changes = compare(specs, live)
    lines = [str(change) for change in changes]
    lines += [f"note: {note}" for note in planned.plan.notes]
    counts = {sign: sum(change.sign == sign for change in changes) for sign in "+~-"}
    lines.append(f"{counts['+']} to start, {counts['~']} to restart, {counts['-']} to stop.")
    if live and changes:
        lines.append("`reelplane down` and `reelplane up` carry it out; jobs that run go back to the queue.")
    return "\n".join(lines)


def _made_once(planned: Planned) -> str:
    """Comments that say which Secrets the operator adds, for whoever applies the manifests without it."""
    return "".join(
        f"# Secret {child.manifest['metadata']['name']} is not part of this: make it once, with {length} random bytes"
        f" (hex) under {key}\n"
        for child in manifests.children(planned.plan, planned.facts)
        for key, length in child.generate.items()
    )


def _document(planned: Planned, group: str) -> str:
    try:
        return (planned.folder.documents / f"{group}.json").read_text()
    except OSError:
        return ""


def _describe(spec: ProcessSpec) -> dict[str, Any]:
    described: dict[str, Any] = {"name": spec.name, "role": spec.role, "argv": list(spec.argv)}
    described["replicas"] = spec.replicas
    if spec.rule:
        rule = spec.rule
        described["scale"] = {
            "min": rule.minimum,
            "max": rule.maximum,
            "queueLengthPerWorker": rule.queue_length_per_worker,
            "stabilisationSeconds": rule.stabilisation,
        }
    described |= {"after": list(spec.after), "drainStage": spec.drain_stage, "graceSeconds": spec.grace}
    if spec.secrets:
        described["secretFiles"] = [file.name for file in spec.secrets]
    if spec.document:
        described["document"] = json.loads(spec.document)
    return described

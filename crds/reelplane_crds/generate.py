"""Writes what is generated from the kinds: CRDs under crds/generated, reference pages under docs/kinds.

``python -m reelplane_crds.generate`` writes; with ``--check`` it writes nothing, names what is stale and exits 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from reelplane_crds.kinds import KINDS
from reelplane_crds.kinds.common import GROUP
from reelplane_crds.reference import page
from reelplane_crds.schema import crd

CRDS = Path("crds/generated")
PAGES = Path("docs/kinds")


def generated() -> dict[Path, str]:
    """Every generated file, by its path from the root of the repository."""
    files: dict[Path, str] = {}
    for kind in KINDS:
        source = f"crds/{kind.__module__.replace('.', '/')}.py"
        text = yaml.safe_dump(crd(kind), sort_keys=False, width=110, allow_unicode=True)
        files[CRDS / f"{GROUP}_{kind.definition.plural}.yaml"] = (
            f"# From {source} by `make generate`; edit that.\n{text}"
        )
        note = f"<!-- From {source} and its guide by `make generate`; edit those. -->\n"
        files[PAGES / f"{kind.__name__}.md"] = note + page(kind)
    return files


def stale(root: Path) -> list[str]:
    """What differs under ``root`` from what would be generated: changed, missing, or left over."""
    wanted = generated()
    found = [
        f"{path}: {_difference(root / path, text)}"
        for path, text in wanted.items()
        if _difference(root / path, text)
    ]
    for folder in (CRDS, PAGES):
        left = {path.relative_to(root) for path in (root / folder).glob("*") if path.is_file()} - set(wanted)
        found += [f"{path}: no longer generated" for path in sorted(left)]
    return found


def _difference(path: Path, text: str) -> str:
    if not path.exists():
        return "missing"
    return "" if path.read_text(encoding="utf-8") == text else "stale"


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m reelplane_crds.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2], help="the repository")
    options = parser.parse_args(arguments)
    if options.check:
        found = stale(options.root)
        if found:
            sys.stderr.write("\n".join([*found, "run `make generate`"]) + "\n")
        return 1 if found else 0
    for path, text in generated().items():
        (options.root / path).parent.mkdir(parents=True, exist_ok=True)
        (options.root / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

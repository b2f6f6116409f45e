"""``python -m reelplane_operator.install [--check]``: write operator/deploy, or name what is stale and exit 1."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reelplane_operator.install import chart, kustomize

DEPLOY = Path("operator/deploy")


def generated(root: Path) -> dict[Path, str]:
    """Every generated file by its absolute path."""
    crds = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted((root / "crds/generated").glob("*.yaml"))
    }
    found = {(root / DEPLOY / path).resolve(): text for path, text in kustomize.files().items()}
    return found | {
        (root / DEPLOY / "chart" / path).resolve(): text for path, text in chart.files(crds).items()
    }


def stale(root: Path) -> list[str]:
    """What differs on disk from what would be generated, and what is left over."""
    wanted = generated(root)
    found = [
        f"{path.relative_to(root)}: {'stale' if path.exists() else 'missing'}"
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    left = {path for path in (root / DEPLOY).rglob("*") if path.is_file()} - set(wanted)
    return [*found, *(f"{path.relative_to(root)}: no longer generated" for path in sorted(left))]


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m reelplane_operator.install", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[3], help="the repository")
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    if options.check:
        found = stale(root)
        if found:
            sys.stderr.write("\n".join([*found, "run `make generate`"]) + "\n")
        return 1 if found else 0
    for path, text in generated(root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

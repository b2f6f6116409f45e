"""The price files' digests: a figure that is changed is changed on purpose, with the manifest beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

NAME: Final = "SHA256SUMS"
"""In the form of ``sha256sum``, which can check it as well."""


def digests(folder: Path) -> dict[str, str]:
    """File name -> SHA-256, of every price file and the list of offers that they are refreshed from."""
    files = sorted((*folder.glob("*.csv"), *folder.glob("*.yaml")))
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def write(folder: Path) -> None:
    """Writes the manifest anew."""
    lines = (f"{digest}  {name}\n" for name, digest in digests(folder).items())
    (folder / NAME).write_text("".join(lines), encoding="utf-8")


def verify(folder: Path) -> list[str]:
    """What does not agree with the manifest: one sentence per file, empty if all is well."""
    path = folder / NAME
    if not path.is_file():
        return [f"{path}: the prices have no manifest; `reelplane-infra prices seal` writes it"]
    lines = (line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines())
    listed = {name: digest for digest, name in lines}
    actual = digests(folder)
    changed = [name for name, digest in actual.items() if name in listed and listed[name] != digest]
    problems = [f"{name} was changed after its manifest was written" for name in changed]
    problems += [f"{name} is not in the manifest" for name in sorted(actual.keys() - listed.keys())]
    problems += [
        f"{name} is in the manifest and is missing" for name in sorted(listed.keys() - actual.keys())
    ]
    fix = "; `reelplane-infra prices seal` writes the manifest anew if that is meant"
    return [f"prices/{each}{fix}" for each in problems]

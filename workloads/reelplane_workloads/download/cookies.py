"""Cookie jars: which site's file serves a URL, and which of its lines may leave it.

The operator's folder holds ``<site>.txt`` files in Netscape's format. A file serves its site and the hosts
below it. Its text goes to the child over the pipe, never onto a command line, into the environment or to disk.
"""

from __future__ import annotations

import re
from pathlib import Path

from reelplane_workloads.core.keys import jar_for, normalise, site_of

_HEADER = "# Netscape HTTP Cookie File\n"
_HTTP_ONLY = "#HttpOnly_"


def jars(folder: Path | None) -> list[str]:
    """The sites there are jars for: file names without ``.txt``. Empty when there is no folder."""
    return (
        sorted(path.stem for path in folder.glob("*.txt")) if folder is not None and folder.is_dir() else []
    )


def text_for(url: str, folder: Path | None) -> str | None:
    """The cookies that may be used for ``url``; None when no jar serves its host. Raises OSError."""
    site = jar_for(site_of(normalise(url)), jars(folder))
    if not site or folder is None:
        return None
    return only_for(site, (folder / f"{site}.txt").read_text("utf-8", "replace"))


def only_for(site: str, text: str) -> str:
    """The cookies of a Netscape file that belong to ``site`` or a host below it, written in the well-formed way.

    Lines that are not (wrong number of fields, an expiry that is no number) are dropped here: the parser of the
    standard library would quote them, value and all, in its error.
    """
    kept = []
    for line in text.splitlines():
        fields = line.removeprefix(_HTTP_ONLY).split("\t")
        if line.startswith("#") and not line.startswith(_HTTP_ONLY):
            continue
        if len(fields) != 7 or not re.fullmatch(r"\d*", fields[4]):
            continue
        domain = fields[0].lower()
        bare = domain.lstrip(".")
        if bare == site or bare.endswith("." + site):
            # The second field says whether hosts below are meant; a leading dot says the same and is believed.
            below = "TRUE" if domain.startswith(".") else "FALSE"
            kept.append("\t".join((domain, below, *fields[2:])))
    return _HEADER + "".join(line + "\n" for line in kept)


def values(text: str | None) -> tuple[str, ...]:
    """The secret part of each cookie, for redaction; values too short to be secrets are left out."""
    fields = [line.split("\t") for line in (text or "").splitlines()]
    return tuple({line[6] for line in fields if len(line) == 7 and len(line[6]) >= 6})

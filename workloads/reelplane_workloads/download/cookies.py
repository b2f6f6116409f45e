"""Cookie jars: which site's file serves a URL, and which of its lines may leave it.

The operator's folder holds ``<site>.txt`` files in Netscape's format. A file serves its site and the hosts
below it. Its text goes to the child over the pipe, never onto a command line, into the environment or to disk.
"""

from __future__ import annotations

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
    """The lines of a Netscape cookie file that belong to ``site`` or a host below it; all others are dropped."""
    kept = []
    for line in text.splitlines():
        cookie = line.removeprefix(_HTTP_ONLY)
        fields = cookie.split("\t")
        if cookie.startswith("#") or len(fields) != 7:
            continue
        domain = fields[0].lstrip(".").lower()
        if domain == site or domain.endswith("." + site):
            kept.append(line)
    return _HEADER + "\n".join(kept) + "\n"


def values(text: str | None) -> tuple[str, ...]:
    """The secret part of each cookie, for redaction; values too short to be secrets are left out."""
    fields = [line.split("\t") for line in (text or "").splitlines()]
    return tuple({line[6] for line in fields if len(line) == 7 and len(line[6]) >= 6})

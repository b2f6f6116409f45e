"""Which extractor lies in a folder, read without importing it: a worker reports a version whose code it never runs."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

_VERSION = re.compile(r"^__version__\s*=\s*['\"]([\w.+-]{1,64})['\"]", re.MULTILINE)
_DIST_INFO = re.compile(r"yt_dlp-([\w.+]{1,64})\.dist-info")


def extractor_version(folder: Path) -> str:
    """The version of the yt-dlp in ``folder``; empty when there is none or it does not say.

    The code's own word comes first: a folder that was renewed in place may hold an older release's dist-info too.
    """
    with contextlib.suppress(OSError):
        found = _VERSION.search((folder / "yt_dlp" / "version.py").read_text(errors="replace"))
        if found is not None:
            return found.group(1)
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            named = _DIST_INFO.fullmatch(entry.name)
            if named is not None:
                return named.group(1)
    return ""

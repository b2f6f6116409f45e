"""AWS Lambda."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reelplane_infra.checks.accept.translation import Table, one


def archive(code: Mapping[str, Any]) -> bytes:
    """The files of a recorded ``pulumi.AssetArchive`` as a zip. Raises OSError for a file that is not there."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        for name, asset in sorted(code.get("assets", {}).items()):
            content = asset["text"].encode() if "text" in asset else Path(asset["path"]).read_bytes()
            made.writestr(zipfile.ZipInfo(name), content)
    return held.getvalue()


TABLE: Final[Table] = {
    "aws:lambda/function:Function": one(
        "lambda",
        "CreateFunction",
        "FunctionName",
        outputs={"arn": "FunctionArn"},
        rename={"name": "FunctionName", "kmsKeyArn": "KMSKeyArn"},
        convert={"code": lambda code: {"ZipFile": archive(code)}},
        drop={"reservedConcurrentExecutions": "is a further call, which changes nothing of the function"},
        constant={"FunctionName": "{name}"},
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": one("lambda", "CreateEventSourceMapping", "UUID"),
}

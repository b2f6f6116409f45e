"""AWS Lambda."""

from __future__ import annotations

from typing import Final

from reelplane_infra.checks.cfn.counterpart import Table, of

TABLE: Final[Table] = {
    "aws:lambda/function:Function": of(
        "AWS::Lambda::Function",
        rename={"name": "FunctionName"},
        # The archive is uploaded by the provider; a template would name a bucket or hold the text of one file.
        convert={"code": lambda _: {"ZipFile": "pass"}},
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": of("AWS::Lambda::EventSourceMapping"),
}

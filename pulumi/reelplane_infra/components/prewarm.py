"""A queue of URLs and the function that fetches them, in one region (functions/prewarm.py).

Who knows that a video will be watched (a viral one, one of a creator with many followers) puts its signed URL into
the queue of each region whose viewers will.
"""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
from pulumi_aws import cloudwatch, iam, lambda_, sqs

from reelplane_infra import functions, naming
from reelplane_infra.component import Component
from reelplane_infra.components.identity import trust
from reelplane_infra.config import prewarm
from reelplane_infra.place import Place

CODE = Path(functions.__file__).with_name("prewarm.py")
VISIBILITY = 6
"""Times the function's timeout that a message is hidden while it is worked on,
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html (2026-11)."""
KEEP_SECONDS = 14 * 86_400
"""How long what was set aside is kept; a queue's maximum,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html (2026-11)."""


class Prewarm(Component[prewarm.Prewarm]):
    """Queue, function, and the queue of what could not be fetched."""

    queue_url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: prewarm.Prewarm,
        place: Place,
        *,
        host: str,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``host`` is the one that is fetched from."""
        super().__init__(name, config, place, opts)
        aside = sqs.Queue(
            self.named("aside"),
            region=place.region,
            name=self.named("aside"),
            kms_master_key_id=key_arn,
            message_retention_seconds=KEEP_SECONDS,
            tags=self.tags(),
            opts=self.child(),
        )
        queue = sqs.Queue(
            self.named("urls"),
            region=place.region,
            name=self.named("urls"),
            kms_master_key_id=key_arn,
            visibility_timeout_seconds=VISIBILITY * config.timeout_seconds,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": aside.arn, "maxReceiveCount": config.attempts}
            ),
            tags=self.tags(),
            opts=self.child(),
        )
        for part, made in (("aside", aside), ("urls", queue)):
            sqs.QueuePolicy(
                self.named(part),
                region=place.region,
                queue_url=made.url,
                policy=made.arn.apply(lambda arn: json.dumps(tls_only(arn))),
                opts=self.child(),
            )
        function_name = place.fitted(naming.ROLE, name)
        log = cloudwatch.LogGroup(
            self.named("log"),
            region=place.region,
            name=f"/aws/lambda/{function_name}",
            retention_in_days=config.log_days,
            kms_key_id=key_arn,
            tags=self.tags(),
            opts=self.child(),
        )
        role = iam.Role(
            self.named("role"),
            name=function_name,
            assume_role_policy=json.dumps(trust("lambda.amazonaws.com")),
            tags=self.tags(),
            opts=self.child(),
        )
        policy = iam.RolePolicy(
            self.named("role"),
            role=role.name,
            policy=pulumi.Output.json_dumps(permissions(place, queue.arn, function_name, key_arn)),
            opts=self.child(),
        )
        function = lambda_.Function(
            self.named("function"),
            region=place.region,
            name=function_name,
            description="Fetches media through CloudFront before they are asked for",
            runtime="python3.13",
            architectures=["arm64"],
            handler="prewarm.handle",
            code=pulumi.AssetArchive({"prewarm.py": pulumi.FileAsset(str(CODE))}),
            role=role.arn,
            timeout=config.timeout_seconds,
            memory_size=256,
            environment={"variables": {"MEDIA_HOST": host}},
            kms_key_arn=key_arn,
            tags=self.tags(),
            opts=self.child(depends_on=[log, policy]),
        )
        lambda_.EventSourceMapping(
            self.named("messages"),
            region=place.region,
            event_source_arn=queue.arn,
            function_name=function.arn,
            batch_size=1,
            scaling_config={"maximum_concurrency": config.concurrency},
            tags=self.tags(),
            opts=self.child(),
        )
        self.queue_url = queue.url
        self.register_outputs({"queue_url": self.queue_url})


def permissions(
    place: Place, queue_arn: pulumi.Output[str], function_name: str, key_arn: pulumi.Input[str]
) -> dict[str, object]:
    """Taking messages, writing the log, and no way to any object: what is fetched is opened by its URL."""
    group = place.arn("logs", f"log-group:/aws/lambda/{function_name}")
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                "Resource": queue_arn,
            },
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key_arn},
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": f"{group}:*",
            },
        ],
    }


def tls_only(queue_arn: str) -> dict[str, object]:
    """Nobody speaks to the queue without TLS; who may speak is said by IAM."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": queue_arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }

"""The key group: whose signature opens a video. Rotation is an edit of the config (docs/infra-keys.md)."""

from __future__ import annotations

import pulumi
from pulumi_aws import cloudfront

from reelplane_infra.component import Component
from reelplane_infra.config import cdn
from reelplane_infra.place import Place


class Signing(Component[cdn.SigningKeys]):
    """One public key per id, and the group of them all."""

    group_id: pulumi.Output[str]
    key_ids: pulumi.Output[dict[str, str]]
    """Our id -> CloudFront's, which a signed URL names as ``Key-Pair-Id``."""

    def __init__(
        self,
        name: str,
        config: cdn.SigningKeys,
        place: Place,
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        keys = {
            each.id: cloudfront.PublicKey(
                # The id is a part of the name, so that a key that moves from current to previous stays the same one.
                self.named("key", each.id),
                name=self.named("key", each.id),
                encoded_key=each.pem,
                comment=f"Signs URLs of {place.environment}",
                opts=self.child(),
            )
            for each in config.all
        }
        group = cloudfront.KeyGroup(
            self.named("group"),
            name=self.named("group"),
            comment=f"Signatures that open media of {place.environment}",
            items=[key.id for key in keys.values()],
            opts=self.child(),
        )
        self.group_id = group.id
        self.key_ids = pulumi.Output.all(**{name: key.id for name, key in keys.items()})
        self.register_outputs({"group_id": self.group_id})

"""Where a component stands: everything that names, tags and options are computed from, and no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reelplane_infra import naming, tags
from reelplane_infra.config.environment import Environment
from reelplane_infra.tags import DataClass


@dataclass(frozen=True, slots=True)
class Place:
    """A region of an environment, or the environment as a whole (scope ``global``), standing in its hub's region."""

    environment: str
    account: str
    region: str
    """The AWS region that resources are made in."""
    scope: str
    """What names say: the region, or ``global``."""
    owner: str = "platform"
    extra_tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = True
    """Whether what holds data is protected; false only on the way to a teardown."""

    @classmethod
    def of(cls, environment: Environment, region: str | None = None) -> Place:
        """The place of that region, or of the whole environment. Raises KeyError if the region is none of its."""
        scope = naming.GLOBAL if region is None else environment.find(region).name
        return cls(
            environment=environment.name,
            account=environment.account,
            region=environment.hub if region is None else region,
            scope=scope,
            owner=environment.owner,
            extra_tags=dict(environment.extra_tags),
            protect=not environment.teardown,
        )

    def at(self, region: str) -> Place:
        """The same environment in another region: for what is cross-region by nature."""
        return replace(self, region=region, scope=region)

    def name(self, *parts: str) -> str:
        """``<environment>-<scope>-<parts>``: the logical name of a resource."""
        return naming.name(self.environment, self.scope, *parts)

    def fitted(self, limit: naming.Limit, *parts: str) -> str:
        """The physical name in the longest form that the service takes. Raises NameTooLong."""
        return naming.fitted(limit, self.environment, self.scope, *parts)

    def bucket(self, *parts: str) -> str:
        """The name of a bucket: they are unique over all of AWS, so the account is a part of it."""
        return self.fitted(naming.BUCKET, *parts, self.account)

    def tags(self, component: str, data: DataClass = DataClass.NONE) -> dict[str, str]:
        return tags.tags(
            environment=self.environment,
            scope=self.scope,
            component=component,
            owner=self.owner,
            data=data,
            extra=self.extra_tags,
        )

    def arn(
        self, service: str, resource: str, *, region: str | None = None, account: str | None = None
    ) -> str:
        """``arn:aws:<service>:<region>:<account>:<resource>``; pass ``""`` for a part that the service leaves out."""
        region = self.region if region is None else region
        account = self.account if account is None else account
        return f"arn:aws:{service}:{region}:{account}:{resource}"

"""The base of every component: a type and a name of one form, tags, and the options that no child goes without.

A component takes a name, its config model and a place. Children are named by ``self.named``, tagged by
``self.tags`` and get their options from ``self.child`` (parent, always) or ``self.data`` (parent, and protection).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

import pulumi

from reelplane_infra.config.base import Config
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass

C = TypeVar("C", bound=Config)


class Component(pulumi.ComponentResource, Generic[C]):
    """``reelplane:<module>:<Class>``, module being the file's name below ``components``."""

    data_class: ClassVar[DataClass] = DataClass.NONE
    """What would be lost with the children made with ``self.data``."""

    def __init__(
        self, name: str, config: C, place: Place, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """``name`` is the component's part of every name in it: ``network`` gives ``dev-us-west-2-network-...``."""
        self.component = name
        self.config = config
        self.place = place
        kind = f"reelplane:{type(self).__module__.rpartition('.')[2]}:{type(self).__name__}"
        super().__init__(kind, place.name(name), None, opts)

    def named(self, *parts: str) -> str:
        """The logical name of a child: ``<environment>-<scope>-<component>-<parts>``."""
        return self.place.name(self.component, *parts)

    def tags(self, *, name: str = "") -> dict[str, str]:
        """The tags of a child without data. ``name`` becomes the tag Name, for what AWS gives no other name."""
        tags = self.place.tags(self.component)
        return {"Name": name, **tags} if name else tags

    def data_tags(self) -> dict[str, str]:
        """The tags of a child that holds data."""
        return self.place.tags(self.component, self.data_class)

    def child(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
        aliases: Sequence[pulumi.Alias] = (),
        ignore_changes: Sequence[str] = (),
        provider: pulumi.ProviderResource | None = None,
        delete_before_replace: bool | None = None,
    ) -> pulumi.ResourceOptions:
        """Options of a child that can be made again from the program."""
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(depends_on),
            aliases=list(aliases) or None,
            ignore_changes=list(ignore_changes) or None,
            provider=provider,
            delete_before_replace=delete_before_replace,
        )

    def data(
        self,
        *,
        depends_on: Sequence[pulumi.Resource] = (),
        aliases: Sequence[pulumi.Alias] = (),
        ignore_changes: Sequence[str] = (),
    ) -> pulumi.ResourceOptions:
        """Options of a child that holds data: it is protected, and kept at AWS when it leaves the program.

        Both are off while the environment says ``teardown: true``.
        """
        return pulumi.ResourceOptions.merge(
            self.child(depends_on=depends_on, aliases=aliases, ignore_changes=ignore_changes),
            pulumi.ResourceOptions(protect=self.place.protect, retain_on_delete=self.place.protect),
        )

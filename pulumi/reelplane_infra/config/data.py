"""The layer of what is cross-region by nature."""

from __future__ import annotations

from reelplane_infra.config.backup import Backup
from reelplane_infra.config.base import Config
from reelplane_infra.config.links import Links
from reelplane_infra.config.relational import Relational
from reelplane_infra.config.replication import Replication
from reelplane_infra.config.replicator import Replicator
from reelplane_infra.config.widecolumn import WideColumn


class DataLayer(Config):
    """The layer ``data``. What is None is not made."""

    relational: Relational = Relational()
    links: Links = Links()
    widecolumn: WideColumn | None = None
    replication: Replication | None = None
    replicator: Replicator | None = None
    backup: Backup | None = None

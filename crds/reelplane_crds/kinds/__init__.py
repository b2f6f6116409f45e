"""One pydantic model per kind: the one source of the CRDs, of what files may say, and of the reference pages."""

from reelplane_crds.kinds.common import API_VERSION, Resource
from reelplane_crds.kinds.proxypool import ProxyPool
from reelplane_crds.kinds.regiondeployment import RegionDeployment
from reelplane_crds.kinds.secret import Secret
from reelplane_crds.kinds.videopipeline import VideoPipeline
from reelplane_crds.kinds.videoplatform import VideoPlatform

KINDS: tuple[type[Resource], ...] = (VideoPlatform, VideoPipeline, ProxyPool, RegionDeployment)
"""All kinds of the group, in the order in which a person meets them."""

__all__ = [
    "API_VERSION",
    "KINDS",
    "ProxyPool",
    "RegionDeployment",
    "Resource",
    "Secret",
    "VideoPipeline",
    "VideoPlatform",
]

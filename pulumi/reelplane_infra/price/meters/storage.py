"""Buckets, images, backups: what is kept, by class, and the requests that put it there.

The media of a region stand in the bucket of the component ``media``: its users' uploads, and the copies of others'
that the replication's rules send there. Every copy ages like the original: it has the same lifecycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reelplane_infra.config import Environment
from reelplane_infra.config.replication import targets
from reelplane_infra.price.meters.base import Meter, Site, Use, component, read
from reelplane_infra.price.usage import UNPOPULAR, USER_KB, USERS_PER_DAILY
from reelplane_infra.record import Resource

RENDITIONS: Final = 4
"""Files per upload beside the raw one; segments of a rendition are stored as one file with byte ranges."""
IMAGES_GB: Final = 1.0
"""Of a repository: 50 images that share their layers."""
CHANGED_A_DAY: Final = 0.01
"""Part of the relational data that a day changes: own estimate."""


def bucket(resource: Resource, site: Site) -> Iterator[Use]:
    if component(resource).partition("-")[0] != "media":
        return
    kept, raw = copies(site.environment, site.region)
    month = site.total
    yield Use("s3.standard.gb", month.standard_gb * kept + month.raw_gb * raw)
    yield Use("s3.ia.gb", month.infrequent_gb * kept)
    yield Use("s3.glacier.gb", month.glacier_gb * raw)
    yield Use("s3.put", month.uploads * (raw + RENDITIONS * kept) / 1000)
    yield Use("s3.ia.transition", month.uploads * RENDITIONS * kept * UNPOPULAR.value / 1000)
    yield Use("s3.glacier.transition", month.uploads * raw / 1000)
    misses = 1 - site.environment.audience.hit_rate
    yield Use("s3.get", site.usage.segments * misses / 1000)


def copies(environment: Environment, region: str) -> tuple[float, float]:
    """The parts of all renditions and of all raw files that a region keeps: its users' own, and others' copies."""
    own = {each.name: each.weight / 100 for each in environment.primaries}
    kept = raw = own.get(region, 0.0)
    rules = environment.data.replication
    if rules is None:
        return kept, raw
    recovery = {each.name: each.recovery for each in environment.primaries}
    names = [each.name for each in environment.regions]
    for primary, regions in targets(rules.copies, recovery, names).items():
        kept += own[primary] * (region in regions)
        raw += own[primary] * (rules.uploads and region == regions[0])
    return kept, raw


def replication(resource: Resource, site: Site) -> Iterator[Use]:
    """Every new byte of a region goes out once per rule: renditions by one, raw files by the other."""
    media = site.environment.at(site.region).media
    moved = timed = 0.0
    for rule in read(resource, "rules", []):
        prefix = str((rule.get("filter") or {}).get("prefix") or "")
        size = site.usage.uploaded_gb if prefix.startswith(media.raw_prefix) else site.usage.made_gb
        moved += size
        timed += size if "replicationTime" in (rule.get("destination") or {}) else 0
    yield Use("transfer.region.gb", moved)
    if timed:
        yield Use("s3.rtc.gb", timed)


def repository(_: Resource, __: Site) -> Iterator[Use]:
    yield Use("ecr.gb", IMAGES_GB)


def backup_plan(resource: Resource, site: Site) -> Iterator[Use]:
    """Snapshots are incremental: the data once per region, and a day's changes for each day kept."""
    rules = [each for each in read(resource, "rules", []) if isinstance(each, dict)]
    size = site.environment.audience.daily_users * USERS_PER_DAILY * USER_KB / 1e6
    for where in (site.region, *(_copied_to(rules) - {site.region})):
        days = sum(float((each.get("lifecycle") or {}).get("deleteAfter") or 0) for each in rules)
        yield Use("backup.aurora.gb", size * (1 + days * CHANGED_A_DAY), region=where)


def _copied_to(rules: list[dict[str, Any]]) -> set[str]:
    """Regions of the vaults that copies go to, off their ARNs."""
    arns = [str(each.get("destinationVaultArn")) for rule in rules for each in rule.get("copyActions") or ()]
    return {arn.split(":")[3] for arn in arns if arn.count(":") >= 5}


METERS: Final[Mapping[str, Meter]] = {
    "aws:s3/bucket:Bucket": bucket,
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": replication,
    "aws:s3/bucketReplicationConfiguration:BucketReplicationConfiguration": replication,
    "aws:ecr/repository:Repository": repository,
    "aws:backup/plan:Plan": backup_plan,
}

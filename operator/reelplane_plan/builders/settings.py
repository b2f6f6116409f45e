"""What all manifests of a platform share: images, volumes, metrics, and what outlives the platform."""

from __future__ import annotations

from dataclasses import asdict

from reelplane_crds.kinds import VideoPlatform
from reelplane_plan.types import SERVICE_MONITOR, ClusterSettings, Facts, Images


def build(platform: VideoPlatform, facts: Facts) -> ClusterSettings:
    spec = platform.spec
    wanted = spec.images
    return ClusterSettings(
        images=Images(**{name: getattr(wanted, name) or own for name, own in asdict(facts.images).items()}),
        pull_policy=wanted.pull_policy,
        pull_secrets=wanted.pull_secrets,
        storage_class=spec.storage.class_,
        keep_volumes=spec.deletion_policy == "Orphan",
        monitor=spec.metrics.labels if SERVICE_MONITOR in facts.apis else None,
    )

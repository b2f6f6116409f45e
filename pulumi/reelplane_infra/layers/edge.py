"""What is between viewers and regions: names, certificates, firewall, caches, and which region answers.

viewer ─► CloudFront (media) ─► buckets, opened by a signature
       └► firewall ─► CloudFront (API) ─► origin.<domain> ─► the load balancer of a region that is up
"""

from __future__ import annotations

import pulumi

from reelplane_infra.components.accesslogs import AccessLogs
from reelplane_infra.components.apicdn import ApiCdn
from reelplane_infra.components.certificate import Certificate, CertificateConfig
from reelplane_infra.components.entrance import Balancer, Entrance
from reelplane_infra.components.firewall import Firewall
from reelplane_infra.components.mediacdn import MediaCdn, Source
from reelplane_infra.components.prewarm import Prewarm
from reelplane_infra.components.recovery import Database, Recovery
from reelplane_infra.components.signing import Signing
from reelplane_infra.components.traffic import Address, Traffic
from reelplane_infra.components.viewers import Viewers
from reelplane_infra.config import Environment, cdn, replication
from reelplane_infra.config import recovery as recovery_config
from reelplane_infra.inputs import Inputs
from reelplane_infra.outputs.edge import EdgeOutputs
from reelplane_infra.place import Place
from reelplane_infra.secrets import Secret, secret

CLOUDFRONT_REGION = "us-east-1"
"""Where CloudFront's certificates are, https://docs.aws.amazon.com/acm/latest/userguide/acm-regions.html (2026-11)."""


def declare(environment: Environment, place: Place, inputs: Inputs) -> EdgeOutputs:
    config = environment.edge
    plan = None if config.recovery is None else _plan(environment, config.recovery, place, inputs)
    if config.cdn is None:
        return EdgeOutputs(
            api_url="",
            media_url="",
            signing_key_ids={},
            distribution_ids={},
            prewarm_queues={},
            recovery_plan=plan.arn if plan else "",
        )
    return _reached(
        environment, config.cdn, place, inputs, plan.arn if plan else pulumi.Output.from_input("")
    )


def _reached(
    environment: Environment, config: cdn.Cdn, place: Place, inputs: Inputs, plan: pulumi.Output[str]
) -> EdgeOutputs:
    api, media = environment.domain, f"media.{environment.domain}"
    zone_id, key_arns = inputs.foundation().zone_id, inputs.foundation().key_arns
    has_key = any(each.name == CLOUDFRONT_REGION for each in environment.regions)
    firewall = Firewall(
        "firewall",
        environment.edge.firewall,
        place,
        log_key_arn=key_arns[CLOUDFRONT_REGION] if has_key else None,
    )
    certificate = Certificate(
        "certificate",
        CertificateConfig(domain=api, subdomains=True),
        place,
        regions=[CLOUDFRONT_REGION],
        zone_id=zone_id,
    ).arns[CLOUDFRONT_REGION]
    token = secret(Secret.ORIGIN_TOKEN)
    origin = _origin(environment, place, inputs, token)
    signing = Signing("signing", config.signing, place)
    videos = MediaCdn(
        "media",
        config,
        place,
        host=media,
        origins=config.allowed_origins or (f"https://{api}",),
        sources=sources(environment),
        buckets={each.name: inputs.region(each.name).media_bucket_domain for each in environment.regions},
        certificate_arn=certificate,
        key_group_id=signing.group_id,
        web_acl_arn=firewall.arn if environment.edge.firewall.media else None,
    )
    requests = ApiCdn(
        "api",
        config,
        place,
        host=api,
        origin=origin,
        token=token,
        certificate_arn=certificate,
        web_acl_arn=firewall.arn,
    )
    made = {"api": requests.distribution, "media": videos.distribution}
    AccessLogs("access-logs", config, place, distributions=made, key_arn=key_arns[place.region])
    Viewers(
        "viewers",
        environment.edge.traffic,
        place,
        zone_id=zone_id,
        distributions={api: requests.distribution, media: videos.distribution},
    )
    return EdgeOutputs(
        api_url=f"https://{api}",
        media_url=f"https://{media}",
        signing_key_ids=signing.key_ids,
        distribution_ids=pulumi.Output.all(**{name: each.id for name, each in made.items()}),
        prewarm_queues=_prewarm(environment, place, inputs, media),
        recovery_plan=plan,
    )


def sources(environment: Environment) -> tuple[Source, ...]:
    """Where each primary's media are read: its own bucket, then the first that has copies. The hub's, if it is a
    primary, comes first."""
    recovery = _recovery(environment)
    copies = environment.data.replication
    names = [each.name for each in environment.regions]
    targets = replication.targets(copies.copies, recovery, names) if copies else {}
    return tuple(
        Source(
            path=replication.prefix(environment.at(primary).media.processed_prefix, primary),
            region=primary,
            copy=next(iter(targets.get(primary, ())), None),
        )
        for primary in recovery
    )


def _recovery(environment: Environment) -> dict[str, str | None]:
    """Primary -> its recovery region, the hub first: what no continent claims is the first one's."""
    ordered = sorted(environment.primaries, key=lambda each: each.name != environment.hub)
    return {each.name: each.recovery for each in ordered}


def _origin(environment: Environment, place: Place, inputs: Inputs, token: pulumi.Output[str]) -> str:
    """Makes the origin's name answer, and returns it."""
    origin = f"origin.{environment.domain}"
    zone_id = inputs.foundation().zone_id
    regions = [each.name for each in environment.regions]
    certificates = Certificate(
        "origin", CertificateConfig(domain=origin), place, regions=regions, zone_id=zone_id
    ).arns
    balancers: dict[str, Address] = {}
    for name in regions:
        outputs = inputs.region(name)
        Entrance(
            "entrance",
            environment.edge.traffic,
            place.at(name),
            balancer=Balancer(
                outputs.balancer_listener_arn, outputs.balancer_security_group_id, outputs.target_group_arn
            ),
            certificate_arn=certificates[name],
            token=token,
        )
        balancers[name] = Address(outputs.balancer_dns_name, outputs.balancer_zone_id)
    Traffic(
        "traffic",
        environment.edge.traffic,
        place,
        origin=origin,
        zone_id=zone_id,
        recovery=_recovery(environment),
        balancers=balancers,
    )
    return origin


def _prewarm(
    environment: Environment, place: Place, inputs: Inputs, host: str
) -> dict[str, pulumi.Output[str]]:
    config = environment.edge.prewarm
    if config is None:
        return {}
    key_arns = inputs.foundation().key_arns
    return {
        each.name: Prewarm(
            "prewarm", config, place.at(each.name), host=host, key_arn=key_arns[each.name]
        ).queue_url
        for each in environment.primaries
    }


def _plan(
    environment: Environment, config: recovery_config.Recovery, place: Place, inputs: Inputs
) -> Recovery:
    region = config.region or environment.find(place.region).recovery
    if region is None:
        raise ValueError(f"edge.recovery.region: {place.region} has no recovery region; name one here")
    data = inputs.data()
    return Recovery(
        "recovery",
        config,
        place,
        region=region,
        databases=[
            Database(
                data.database_globals[number],
                [data.database_clusters[each][number] for each in (place.region, region)],
            )
            for number in range(environment.data.relational.shards)
        ]
        if environment.data.relational.secondary_regions
        else [],
    )

"""Certificates for one name, in every region that needs one, validated by one record.

ACM asks for the same record in every region, since it follows from the account and the name
(https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html, 2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_aws import acm, route53

from reelplane_infra.component import Component
from reelplane_infra.config.base import Config
from reelplane_infra.place import Place


class CertificateConfig(Config):
    """What is certified."""

    domain: str
    subdomains: bool = False
    """Every name one level below it too; those share its record."""


class Certificate(Component[CertificateConfig]):
    """One per region; ``arns`` are of certificates that are valid already."""

    arns: dict[str, pulumi.Output[str]]
    """Region -> ARN."""

    def __init__(
        self,
        name: str,
        config: CertificateConfig,
        place: Place,
        *,
        regions: Sequence[str],
        zone_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        made = {
            region: acm.Certificate(
                self.named("certificate", region),
                region=region,
                domain_name=config.domain,
                subject_alternative_names=[f"*.{config.domain}"] if config.subdomains else [],
                validation_method="DNS",
                key_algorithm="EC_prime256v1",
                tags=self.tags(name=config.domain),
                opts=self.child(),
            )
            for region in regions
        }
        asked = made[regions[0]].domain_validation_options[0]
        record = route53.Record(
            self.named("validation"),
            zone_id=zone_id,
            name=asked.resource_record_name,
            type="CNAME",
            ttl=300,
            records=[asked.resource_record_value],
            allow_overwrite=True,
            opts=self.child(),
        )
        self.arns = {
            region: acm.CertificateValidation(
                self.named("valid", region),
                region=region,
                certificate_arn=each.arn,
                validation_record_fqdns=[record.fqdn],
                opts=self.child(),
            ).certificate_arn
            for region, each in made.items()
        }
        self.register_outputs({})

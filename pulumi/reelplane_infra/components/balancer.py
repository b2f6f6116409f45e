"""The load balancer before a region's API, with a certificate for ``<region>.<domain>``.

It is made here and not by an Ingress, because the edge needs its name before any cluster is asked for anything. It
stands in the public subnets, since Route 53's health checks reach public addresses only, and answers nobody: the
layer ``edge`` lets CloudFront and the checkers in and says what is forwarded, the layer ``platform`` binds the API's
pods to its target group.
"""

from __future__ import annotations

import pulumi
from pulumi_aws import acm, ec2, lb, route53

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.config import balancer
from reelplane_infra.place import Place

API_PORT = 8080
"""Where the API's pods listen: the default of VideoPlatform's ``spec.api.port``."""
READY = "/readyz"
TLS = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.2 and 1.3, https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
(2026-11)."""


class Balancer(Component[balancer.Balancer]):
    """HTTPS with pods as its targets. Everything that no rule forwards is refused."""

    arn: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    listener_arn: pulumi.Output[str]
    host: str
    target_group_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: balancer.Balancer,
        place: Place,
        *,
        domain: str,
        zone_id: pulumi.Input[str],
        vpc_id: pulumi.Input[str],
        subnet_ids: pulumi.Input[list[str]],
        nodes_group_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``zone_id`` is the hosted zone of ``domain``, in which the certificate is proven; ``subnet_ids`` are
        the public ones."""
        super().__init__(name, config, place, opts)
        self.host = f"{place.region}.{domain}"
        group = self._guard(vpc_id, nodes_group_id)
        made = lb.LoadBalancer(
            self.named("api"),
            region=place.region,
            name=place.fitted(naming.LOAD_BALANCER, "api"),
            internal=False,
            load_balancer_type="application",
            security_groups=[group.id],
            subnets=subnet_ids,
            drop_invalid_header_fields=True,
            enable_deletion_protection=place.protect,
            idle_timeout=config.idle_seconds,
            tags=self.tags(),
            opts=self.child(),
        )
        targets = lb.TargetGroup(
            self.named("api"),
            region=place.region,
            name=place.fitted(naming.LOAD_BALANCER, "api"),
            vpc_id=vpc_id,
            target_type="ip",
            port=API_PORT,
            protocol="HTTP",
            deregistration_delay=config.drain_seconds,
            health_check={
                "path": READY,
                "matcher": "200",
                "interval": 10,
                "timeout": 5,
                "healthy_threshold": 2,
            },
            tags=self.tags(),
            opts=self.child(),
        )
        listener = lb.Listener(
            self.named("https"),
            region=place.region,
            load_balancer_arn=made.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=TLS,
            certificate_arn=self._certificate(zone_id),
            default_actions=[
                {
                    "type": "fixed-response",
                    "fixed_response": {
                        "content_type": "text/plain",
                        "status_code": "403",
                        "message_body": "Not here.",
                    },
                }
            ],
            tags=self.tags(),
            opts=self.child(),
        )
        self.arn, self.dns_name, self.zone_id = made.arn, made.dns_name, made.zone_id
        self.target_group_arn, self.listener_arn = targets.arn, listener.arn
        self.security_group_id = group.id
        self.register_outputs({"arn": self.arn})

    def _guard(self, vpc_id: pulumi.Input[str], nodes: pulumi.Input[str]) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self.named("group"),
            region=self.place.region,
            vpc_id=vpc_id,
            description="Before the API: the edge says who comes in",
            tags=self.tags(name=self.named("group")),
            opts=self.child(),
        )
        for part, owner, kind, other in (
            ("to-pods", group.id, "egress", nodes),
            ("from-balancer", nodes, "ingress", group.id),
        ):
            ec2.SecurityGroupRule(
                self.named(part),
                region=self.place.region,
                security_group_id=owner,
                type=kind,
                protocol="tcp",
                from_port=API_PORT,
                to_port=API_PORT,
                source_security_group_id=other,
                description="Pods of the API from their load balancer",
                opts=self.child(),
            )
        return group

    def _certificate(self, zone_id: pulumi.Input[str]) -> pulumi.Output[str]:
        certificate = acm.Certificate(
            self.named("certificate"),
            region=self.place.region,
            domain_name=self.host,
            validation_method="DNS",
            tags=self.tags(),
            opts=self.child(),
        )
        proof = certificate.domain_validation_options[0]
        record = route53.Record(
            self.named("proof"),
            zone_id=zone_id,
            name=proof.apply(lambda found: str(found.resource_record_name)),
            type=proof.apply(lambda found: str(found.resource_record_type)),
            records=[proof.apply(lambda found: str(found.resource_record_value))],
            ttl=300,
            opts=self.child(),
        )
        validated: pulumi.Output[str] = acm.CertificateValidation(
            self.named("certificate"),
            region=self.place.region,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=self.child(),
        ).certificate_arn
        return validated

"""Keys, secrets, logs, queues: little each, and there in every region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from reelplane_infra.price.meters.base import Meter, Site, Use, number, read
from reelplane_infra.price.usage import HOURS
from reelplane_infra.record import Resource

FLOW_GB_PER_ZONE: Final = 5
"""Flow logs of a quiet VPC in a month, per zone: own estimate."""
SERVICE_GB: Final = 10
"""What a control plane, a broker cluster or a search domain writes in a month: own estimate."""
REFUSED: Final = 0.01
"""Part of the requests that the firewall refuses, which are all that it logs: own estimate."""
SMALL_FUNCTION: Final = 0.1
"""Thousand GB-seconds of a function that runs once a day."""


def key(_: Resource, __: Site) -> Iterator[Use]:
    yield Use("kms.key", 1)


def secret(resource: Resource, _: Site) -> Iterator[Use]:
    yield Use("secret.month", 1 + len(read(resource, "replicas", [])))


def template(resource: Resource, _: Site) -> Iterator[Use]:
    """A CloudFormation stack costs what its template makes; ours make secrets whose text nobody sees."""
    secrets = str(read(resource, "templateBody", "")).count('"AWS::SecretsManager::Secret"')
    yield Use("secret.month", secrets)


def log_group(resource: Resource, site: Site) -> Iterator[Use]:
    """Flow logs by zone and what is fetched, the firewall's by what it refuses, any service's by itself."""
    name = f"{read(resource, 'name', '')} {resource.name}"
    if "flow" in name:
        taken = (
            FLOW_GB_PER_ZONE * site.environment.at(site.region).network.zones + site.usage.fetched_gb * 1e-4
        )
    elif "waf" in name:
        taken = site.total.logs_gb * REFUSED
    else:
        taken = float(SERVICE_GB)
    yield Use("logs.gb", taken)
    yield Use("logs.stored.gb", taken * number(resource, "retentionInDays", 365) / 30)


def alarm(_: Resource, __: Site) -> Iterator[Use]:
    yield Use("alarm.month", 1)


def queue(_: Resource, site: Site) -> Iterator[Use]:
    """Long polls of 20 s by one consumer, all month."""
    yield Use("sqs.requests", HOURS * 3600 / 20 / 1e6)


def function(_: Resource, __: Site) -> Iterator[Use]:
    yield Use("lambda.gbs", SMALL_FUNCTION)


METERS: Final[Mapping[str, Meter]] = {
    "aws:kms/key:Key": key,
    "aws:kms/replicaKey:ReplicaKey": key,
    "aws:secretsmanager/secret:Secret": secret,
    "aws:cloudformation/stack:Stack": template,
    "aws:cloudwatch/logGroup:LogGroup": log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": alarm,
    "aws:sqs/queue:Queue": queue,
    "aws:lambda/function:Function": function,
}

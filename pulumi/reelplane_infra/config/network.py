"""A region's network: a VPC of its own, or one that exists."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from reelplane_infra.config.base import Config

SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]{8,17}$")]
VpcId = Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]{8,17}$")]
RouteTableId = Annotated[str, StringConstraints(pattern=r"^rtb-[0-9a-f]{8,17}$")]

LOG_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
)
"""What CloudWatch Logs accepts (it also takes 3653 and "never"), https://docs.aws.amazon.com/AmazonCloudWatchLogs/
latest/APIReference/API_PutRetentionPolicy.html (2026-11)."""


class NatGateways(StrEnum):
    """How private subnets reach the internet."""

    PER_ZONE = "per-zone"
    """One per availability zone: a zone that fails takes no other's way out with it."""
    SINGLE = "single"
    """One for all zones: a third of the price, and one zone's failure closes the way out for all."""


class ExistingNetwork(Config):
    """Bring your own: a VPC that somebody else keeps. Lists are in the order of its availability zones."""

    vpc_id: VpcId
    cidr: Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}/(1[6-9]|2[0-8])$")]
    """Its primary block, /16 to /28."""
    private_subnet_ids: tuple[SubnetId, ...] = Field(min_length=2, max_length=3)
    isolated_subnet_ids: tuple[SubnetId, ...] = Field(min_length=2, max_length=3)
    public_subnet_ids: tuple[SubnetId, ...] = Field(min_length=2, max_length=3)

    @model_validator(mode="after")
    def _one_kind_each(self) -> Self:
        ids = (*self.private_subnet_ids, *self.isolated_subnet_ids, *self.public_subnet_ids)
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is named twice: a subnet is private, isolated or public")
        return self


class Network(Config):
    """The VPC of a region."""

    zones: Literal[2, 3] = 3
    """Availability zones. EKS and Aurora need two, MSK's brokers spread over two or three."""
    nat: NatGateways = NatGateways.PER_ZONE
    interface_endpoints: tuple[str, ...] = (
        "ecr.api",
        "ecr.dkr",
        "sts",
        "logs",
        "ec2",
        "eks-auth",
        "secretsmanager",
        "kms",
    )
    """AWS services reached without leaving the VPC, beside S3 and DynamoDB, whose gateway endpoints cost nothing."""
    flow_log_days: int = 30
    """Days that the record of accepted and refused connections is kept."""
    existing: ExistingNetwork | None = None
    """A VPC to use instead of making one. The other fields are then without effect."""

    @model_validator(mode="after")
    def _retention(self) -> Self:
        if self.flow_log_days not in LOG_RETENTION_DAYS:
            raise ValueError(
                f"flow_log_days {self.flow_log_days}: CloudWatch Logs keeps {LOG_RETENTION_DAYS} days"
            )
        return self

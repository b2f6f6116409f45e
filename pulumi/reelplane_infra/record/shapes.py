"""The shapes of what AWS computes: ids, ARNs, endpoints, by resource type.

A template's fields are ``{id}`` (the resource's), ``{hex8}`` and ``{hex17}`` (digits that follow from the URN, so that
two runs agree), ``{region}``, ``{account}``, ``{in.<input>}`` for an input of the resource and
``{last.<input>}`` for the part of it after its last slash. A type
without an entry gets an ARN by the common form and ids by its name; a template is needed where AWS's form differs
and another resource reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

IDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aws:ec2/vpc:Vpc": "vpc-{hex17}",
        "aws:ec2/subnet:Subnet": "subnet-{hex17}",
        "aws:ec2/internetGateway:InternetGateway": "igw-{hex17}",
        "aws:ec2/natGateway:NatGateway": "nat-{hex17}",
        "aws:ec2/eip:Eip": "eipalloc-{hex17}",
        "aws:ec2/routeTable:RouteTable": "rtb-{hex17}",
        "aws:ec2/securityGroup:SecurityGroup": "sg-{hex17}",
        "aws:ec2/vpcEndpoint:VpcEndpoint": "vpce-{hex17}",
        "aws:ec2/flowLog:FlowLog": "fl-{hex17}",
        "aws:kms/key:Key": "mrk-{hex32}",
        "aws:kms/replicaKey:ReplicaKey": "{last.primaryKeyArn}",
        "aws:kms/alias:Alias": "{in.name}",
        "aws:s3/bucket:Bucket": "{in.bucket}",
        "aws:ecr/repository:Repository": "{in.name}",
        "aws:iam/role:Role": "{in.name}",
        "aws:iam/policy:Policy": "arn:aws:iam::{account}:policy/{in.name}",
        "aws:route53/zone:Zone": "Z{HEX20}",
        "aws:cloudwatch/logGroup:LogGroup": "{in.name}",
        "aws:eks/cluster:Cluster": "{in.name}",
        "aws:cloudfront/distribution:Distribution": "E{HEX13}",
        "aws:cloudfront/publicKey:PublicKey": "K{HEX13}",
        "aws:cloudfront/keyGroup:KeyGroup": "{uuid}",
        "aws:cloudfront/cachePolicy:CachePolicy": "{uuid}",
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": "{uuid}",
        "aws:cloudfront/originAccessControl:OriginAccessControl": "E{HEX13}",
        "aws:route53/healthCheck:HealthCheck": "{uuid}",
        "aws:acm/certificate:Certificate": "arn:aws:acm:{region}:{account}:certificate/{uuid}",
        "aws:rds/cluster:Cluster": "{in.clusterIdentifier}",
        "aws:rds/clusterInstance:ClusterInstance": "{in.identifier}",
        "aws:rds/globalCluster:GlobalCluster": "{in.globalClusterIdentifier}",
        "aws:sqs/queue:Queue": "https://sqs.{region}.amazonaws.com/{account}/{in.name}",
        "aws:backup/vault:Vault": "{in.name}",
        "aws:backup/plan:Plan": "{uuid}",
        "aws:msk/cluster:Cluster": "arn:aws:kafka:{region}:{account}:cluster/{in.clusterName}/{uuid}",
        "aws:wafv2/webAcl:WebAcl": "{uuid}",
    }
)
"""Forms of ids, https://docs.aws.amazon.com/ec2/latest/userguide/resource-ids.html and the services' API references
(2026-11)."""

PROPERTIES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "aws:kms/key:Key": {"arn": "arn:aws:kms:{region}:{account}:key/{id}", "keyId": "{id}"},
        "aws:kms/replicaKey:ReplicaKey": {"arn": "arn:aws:kms:{region}:{account}:key/{id}", "keyId": "{id}"},
        "aws:kms/alias:Alias": {"arn": "arn:aws:kms:{region}:{account}:{id}"},
        "aws:msk/cluster:Cluster": {"arn": "{id}"},
        "aws:s3/bucket:Bucket": {
            "arn": "arn:aws:s3:::{id}",
            "bucketDomainName": "{id}.s3.amazonaws.com",
            "bucketRegionalDomainName": "{id}.s3.{region}.amazonaws.com",
        },
        "aws:ecr/repository:Repository": {
            "arn": "arn:aws:ecr:{region}:{account}:repository/{id}",
            "repositoryUrl": "{account}.dkr.ecr.{region}.amazonaws.com/{id}",
            "registryId": "{account}",
        },
        "aws:iam/role:Role": {"arn": "arn:aws:iam::{account}:role/{id}"},
        "aws:iam/policy:Policy": {"arn": "{id}"},
        "aws:route53/zone:Zone": {"arn": "arn:aws:route53:::hostedzone/{id}", "zoneId": "{id}"},
        "aws:budgets/budget:Budget": {"arn": "arn:aws:budgets::{account}:budget/{in.name}"},
        "aws:cloudwatch/logGroup:LogGroup": {"arn": "arn:aws:logs:{region}:{account}:log-group:{id}"},
        "aws:ec2/eip:Eip": {"allocationId": "{id}", "publicIp": "203.0.113.7"},
        "aws:ec2/vpcEndpoint:VpcEndpoint": {"prefixListId": "pl-{hex8}"},
        "aws:eks/cluster:Cluster": {"endpoint": "https://{HEX32}.gr7.{region}.eks.amazonaws.com"},
        "aws:acm/certificate:Certificate": {
            "arn": "{id}",
            "domainValidationOptions.domainName": "{in.domainName}",
            "domainValidationOptions.resourceRecordName": "_{hex32}.{in.domainName}.",
            "domainValidationOptions.resourceRecordType": "CNAME",
            "domainValidationOptions.resourceRecordValue": "_{hex32}.acm-validations.aws.",
        },
        "aws:route53/record:Record": {"fqdn": "{in.name}"},
        "aws:rds/globalCluster:GlobalCluster": {"arn": "arn:aws:rds::{account}:global-cluster:{id}"},
        "aws:rds/cluster:Cluster": {
            "arn": "arn:aws:rds:{region}:{account}:cluster:{id}",
            "endpoint": "{id}.cluster-{hex12}.{region}.rds.amazonaws.com",
            "readerEndpoint": "{id}.cluster-ro-{hex12}.{region}.rds.amazonaws.com",
        },
        "aws:sqs/queue:Queue": {"arn": "arn:aws:sqs:{region}:{account}:{in.name}", "url": "{id}"},
        "aws:lambda/function:Function": {"arn": "arn:aws:lambda:{region}:{account}:function:{id}"},
        "aws:backup/vault:Vault": {"arn": "arn:aws:backup:{region}:{account}:backup-vault:{id}"},
        "aws:wafv2/webAcl:WebAcl": {"arn": "arn:aws:wafv2:us-east-1:{account}:global/webacl/{in.name}/{id}"},
        "aws:arcregionswitch/plan:Plan": {
            "arn": "arn:aws:arc-region-switch::{account}:plan/{in.name}:{hex6}"
        },
        "aws:cloudfront/distribution:Distribution": {
            "arn": "arn:aws:cloudfront::{account}:distribution/{id}",
            "domainName": "d{hex13}.cloudfront.net",
            "hostedZoneId": "Z2FDTNDATAQYW2",
        },
    }
)
"""Outputs by type, on the wire's names. 203.0.113.0/24 is for documentation (RFC 5737); CloudFront's hosted zone is
the same for every distribution, https://docs.aws.amazon.com/general/latest/gr/cf_region.html (2026-11)."""

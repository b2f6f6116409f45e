"""Every resource that takes tags says whose it is and what would be lost with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reelplane_policies.rule import UNKNOWN, Resource, Rule, Settings, Violation

KEYS: Final = (
    "reelplane:component",
    "reelplane:data",
    "reelplane:environment",
    "reelplane:managed-by",
    "reelplane:owner",
    "reelplane:scope",
)
TAGGED: Final = frozenset(
    {
        "aws:acm/certificate:Certificate",
        "aws:arcregionswitch/plan:Plan",
        "aws:backup/plan:Plan",
        "aws:backup/vault:Vault",
        "aws:budgets/budget:Budget",
        "aws:cloudformation/stack:Stack",
        "aws:cloudfront/distribution:Distribution",
        "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/logDelivery:LogDelivery",
        "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination",
        "aws:cloudwatch/logDeliverySource:LogDeliverySource",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:dynamodb/table:Table",
        "aws:ebs/volume:Volume",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/eip:Eip",
        "aws:ec2/flowLog:FlowLog",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
        "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter",
        "aws:ecr/repository:Repository",
        "aws:efs/fileSystem:FileSystem",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/addon:Addon",
        "aws:eks/cluster:Cluster",
        "aws:eks/nodeGroup:NodeGroup",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:elasticache/parameterGroup:ParameterGroup",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:elasticache/serverlessCache:ServerlessCache",
        "aws:elasticache/subnetGroup:SubnetGroup",
        "aws:elasticache/userGroup:UserGroup",
        "aws:iam/policy:Policy",
        "aws:iam/role:Role",
        "aws:keyspaces/keyspace:Keyspace",
        "aws:keyspaces/table:Table",
        "aws:kms/key:Key",
        "aws:kms/replicaKey:ReplicaKey",
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "aws:lambda/function:Function",
        "aws:lb/listener:Listener",
        "aws:lb/listenerRule:ListenerRule",
        "aws:lb/loadBalancer:LoadBalancer",
        "aws:lb/targetGroup:TargetGroup",
        "aws:msk/cluster:Cluster",
        "aws:msk/replicator:Replicator",
        "aws:opensearch/domain:Domain",
        "aws:rds/cluster:Cluster",
        "aws:rds/clusterInstance:ClusterInstance",
        "aws:rds/globalCluster:GlobalCluster",
        "aws:rds/instance:Instance",
        "aws:rds/subnetGroup:SubnetGroup",
        "aws:route53/healthCheck:HealthCheck",
        "aws:route53/zone:Zone",
        "aws:s3/bucket:Bucket",
        "aws:secretsmanager/secret:Secret",
        "aws:sns/topic:Topic",
        "aws:sqs/queue:Queue",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:wafv2/webAcl:WebAcl",
    }
)
"""Types with tags of their own."""


def _tags(resource: Resource, settings: Settings) -> Iterator[Violation]:
    if resource.props.get("tags") is UNKNOWN:
        return
    missing = [each for each in KEYS if not resource.tags.get(each)]
    if missing:
        yield Violation("tags", f"has to have {', '.join(missing)}")
    environment = resource.tags.get("reelplane:environment")
    if isinstance(environment, str) and environment != resource.stack.split(".", maxsplit=1)[0]:
        yield Violation("tags.reelplane:environment", f"is {environment}; the stack is {resource.stack}")


RULES = (Rule("tags", "A resource says whose it is", _tags, TAGGED),)

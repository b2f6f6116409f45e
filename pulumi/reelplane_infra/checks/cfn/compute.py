"""Amazon EKS, launch templates, load balancers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.attributes import BALANCER_ATTRIBUTES, GROUP_ATTRIBUTES, conditions
from reelplane_infra.checks.cfn.counterpart import DESTROYED, UPDATED, Table, of


def _logging(types: list[str]) -> Mapping[str, Any]:
    return {"ClusterLogging": {"EnabledTypes": [{"Type": each} for each in types]}}


_DATA: Final = (
    "imageId", "instanceType", "keyName", "userData", "ebsOptimized", "blockDeviceMappings", "metadataOptions",
    "monitoring", "networkInterfaces", "iamInstanceProfile", "instanceMarketOptions", "tagSpecifications",
)  # fmt: skip

TABLE: Final[Table] = {
    "aws:eks/cluster:Cluster": of(
        "AWS::EKS::Cluster",
        rename={
            "vpcConfig": "ResourcesVpcConfig",
            "enabledClusterLogTypes": "Logging",
            "encryptionConfig.provider": "Provider",
            "bootstrapSelfManagedAddons": "BootstrapSelfManagedAddons",
        },
        convert={"enabledClusterLogTypes": _logging},
        drop={"forceUpdateVersion": UPDATED},
    ),
    "aws:eks/nodeGroup:NodeGroup": of(
        "AWS::EKS::Nodegroup",
        rename={
            "nodeGroupName": "NodegroupName",
            "nodeRoleArn": "NodeRole",
            "subnetIds": "Subnets",
            "scalingConfig.desiredSize": "DesiredSize",
        },
        drop={"forceUpdateVersion": UPDATED},
    ),
    "aws:eks/addon:Addon": of(
        "AWS::EKS::Addon",
        rename={"resolveConflictsOnCreate": "ResolveConflicts"},
        drop={"resolveConflictsOnUpdate": UPDATED, "preserve": DESTROYED},
    ),
    "aws:eks/accessEntry:AccessEntry": of("AWS::EKS::AccessEntry", rename={"userName": "Username"}),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": of(
        "AWS::EKS::AccessEntry",
        part=True,
        rename={"policyArn": "AccessPolicies", "accessScope": "AccessPolicies"},
        convert={"policyArn": lambda arn: [{"PolicyArn": arn, "AccessScope": {"Type": "cluster"}}]},
        drop={"accessScope": "is written with the policy"},
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": of("AWS::EKS::PodIdentityAssociation"),
    "aws:ec2/launchTemplate:LaunchTemplate": of(
        "AWS::EC2::LaunchTemplate",
        rename={
            "name": "LaunchTemplateName",
            "description": "VersionDescription",
            "vpcSecurityGroupIds": "LaunchTemplateData.SecurityGroupIds",
            **{key: f"LaunchTemplateData.{key[0].upper()}{key[1:]}" for key in _DATA},
        },
        drop={
            "updateDefaultVersion": UPDATED,
            "tags": "are TagSpecifications of the kind launch-template there",
        },
    ),
    "aws:lb/loadBalancer:LoadBalancer": of(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        rename={"loadBalancerType": "Type", "internal": "Scheme"},
        convert={"internal": lambda inside: "internal" if inside else "internet-facing"},
        drop={key: f"is the attribute {name}" for key, name in BALANCER_ATTRIBUTES.items()},
    ),
    "aws:lb/targetGroup:TargetGroup": of(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        rename={
            "healthCheck": ".",
            "healthCheck.enabled": "HealthCheckEnabled",
            "healthCheck.path": "HealthCheckPath",
            "healthCheck.port": "HealthCheckPort",
            "healthCheck.protocol": "HealthCheckProtocol",
            "healthCheck.interval": "HealthCheckIntervalSeconds",
            "healthCheck.timeout": "HealthCheckTimeoutSeconds",
            "healthCheck.healthyThreshold": "HealthyThresholdCount",
            "healthCheck.unhealthyThreshold": "UnhealthyThresholdCount",
            "healthCheck.matcher": "Matcher.HttpCode",
        },
        drop={key: f"is the attribute {name}" for key, name in GROUP_ATTRIBUTES.items()},
    ),
    "aws:lb/listenerRule:ListenerRule": of(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        convert={"conditions": conditions},
        drop={"tags": "rules have none there"},
    ),
    "aws:lb/listenerCertificate:ListenerCertificate": of(
        "AWS::ElasticLoadBalancingV2::ListenerCertificate",
        rename={"certificateArn": "Certificates"},
        convert={"certificateArn": lambda arn: [{"CertificateArn": arn}]},
    ),
    "aws:lb/listener:Listener": of(
        "AWS::ElasticLoadBalancingV2::Listener",
        rename={
            "certificateArn": "Certificates",
            "defaultActions.fixedResponse": "FixedResponseConfig",
        },
        convert={"certificateArn": lambda arn: [{"CertificateArn": arn}]},
        drop={"tags": "listeners have none there"},
    ),
}

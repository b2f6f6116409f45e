"""Clusters and the machines in them: Amazon EKS, and what EC2 needs to start nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.accept.tables.network import pairs
from reelplane_infra.checks.accept.translation import Call, Made, Table, one
from reelplane_infra.checks.attributes import BALANCER_ATTRIBUTES, GROUP_ATTRIBUTES, conditions
from reelplane_infra.checks.shaping import Rules

_DESTROYED: Final = "read when the resource is destroyed"
_UPDATED: Final = "read when the resource is updated"


def _logging(types: list[str]) -> Mapping[str, Any]:
    return {"clusterLogging": [{"types": types, "enabled": True}]}


def _tag_specifications(specifications: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"ResourceType": each["resourceType"], "Tags": pairs(each["tags"])} for each in specifications]


_TEMPLATE_DATA: Final = (
    "imageId", "instanceType", "keyName", "userData", "ebsOptimized", "blockDeviceMappings", "metadataOptions",
    "monitoring", "networkInterfaces", "iamInstanceProfile", "instanceMarketOptions", "instanceRequirements",
    "capacityReservationSpecification", "placement", "enclaveOptions", "creditSpecification",
)  # fmt: skip

TABLE: Final[Table] = {
    "aws:eks/cluster:Cluster": one(
        "eks",
        "CreateCluster",
        "cluster.name",
        outputs={
            "certificateAuthority.data": "cluster.certificateAuthority.data",
            "identities[0].oidcs[0].issuer": "cluster.identity.oidc.issuer",
            "vpcConfig.clusterSecurityGroupId": "cluster.resourcesVpcConfig.clusterSecurityGroupId",
        },
        rename={"vpcConfig": "resourcesVpcConfig", "enabledClusterLogTypes": "logging"},
        convert={"enabledClusterLogTypes": _logging},
        drop={"forceUpdateVersion": _UPDATED, "defaultAddonsToRemoves": _UPDATED},
    ),
    "aws:eks/nodeGroup:NodeGroup": one(
        "eks",
        "CreateNodegroup",
        "{clusterName}:{nodeGroupName}",
        rename={"nodeRoleArn": "nodeRole", "subnetIds": "subnets"},
        drop={"forceUpdateVersion": _UPDATED},
    ),
    "aws:eks/addon:Addon": one(
        "eks",
        "CreateAddon",
        "{clusterName}:{addonName}",
        rename={"resolveConflictsOnCreate": "resolveConflicts"},
        drop={"resolveConflictsOnUpdate": _UPDATED, "preserve": _DESTROYED},
    ),
    "aws:eks/accessEntry:AccessEntry": one("eks", "CreateAccessEntry", "{clusterName}:{principalArn}"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": one(
        "eks", "AssociateAccessPolicy", "{clusterName}#{principalArn}#{policyArn}"
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": one(
        "eks", "CreatePodIdentityAssociation", "association.associationId"
    ),
    "aws:eks/fargateProfile:FargateProfile": one(
        "eks", "CreateFargateProfile", "{clusterName}:{fargateProfileName}", rename={"subnetIds": "subnets"}
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": one(
        "ec2",
        "CreateLaunchTemplate",
        "LaunchTemplate.LaunchTemplateId",
        rename={
            "name": "LaunchTemplateName",
            "description": "VersionDescription",
            "tags": "TagSpecifications",
            "vpcSecurityGroupIds": "LaunchTemplateData.SecurityGroupIds",
            "tagSpecifications": "LaunchTemplateData.TagSpecifications",
            **{key: f"LaunchTemplateData.{key[0].upper()}{key[1:]}" for key in _TEMPLATE_DATA},
        },
        convert={
            "tags": lambda tags: [{"ResourceType": "launch-template", "Tags": pairs(tags)}],
            "tagSpecifications": _tag_specifications,
        },
        drop={"updateDefaultVersion": _UPDATED},
        constant={"LaunchTemplateName": "{name}"},
    ),
    "aws:ec2/tag:Tag": one(
        "ec2",
        "CreateTags",
        "{resourceId},{key}",
        build=lambda made: {"Tags": [{"Key": made.inputs["key"], "Value": made.inputs["value"]}]},
        rename={"resourceId": "Resources"},
        drop={"key": "is in Tags", "value": "is in Tags"},
    ),
    "aws:ec2/placementGroup:PlacementGroup": one(
        "ec2",
        "CreatePlacementGroup",
        "{name}",
        rename={"name": "GroupName"},
        drop={"tags": "set by the next call"},
    ),
}


def _listeners(made: Made) -> Mapping[str, Any]:
    return {"DefaultActions": [_action(each) for each in made.inputs.get("defaultActions") or ()]}


def _action(action: Mapping[str, Any]) -> dict[str, Any]:
    """A listener's action; only what the inputs set."""
    entry: dict[str, Any] = {"Type": action["type"]}
    if "targetGroupArn" in action:
        entry["TargetGroupArn"] = action["targetGroupArn"]
    if "fixedResponse" in action:
        entry["FixedResponseConfig"] = {
            key[0].upper() + key[1:]: str(value) for key, value in action["fixedResponse"].items()
        }
    return entry


def _attributes(operation: str, owner: str, names: Mapping[str, str]) -> Call:
    """The call that sets what load balancing keeps in a list of texts."""

    def build(made: Made) -> Mapping[str, Any]:
        given = {
            names[key]: value for key, value in made.inputs.items() if key in names and value is not None
        }
        texts = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in given.items()
        }
        return {"Attributes": [{"Key": name, "Value": text} for name, text in texts.items()]}

    rules = Rules(constant={owner: "{id}"})
    return Call(operation, rules, (), build=build, when=lambda made: bool(made.inputs.keys() & names.keys()))


BALANCERS: Final[Table] = {
    "aws:lb/loadBalancer:LoadBalancer": one(
        "elbv2",
        "CreateLoadBalancer",
        "LoadBalancers[0].LoadBalancerArn",
        result="LoadBalancers[0]",
        outputs={
            "arn": "LoadBalancers[0].LoadBalancerArn",
            "zoneId": "LoadBalancers[0].CanonicalHostedZoneId",
        },
        rename={"loadBalancerType": "Type", "internal": "Scheme"},
        convert={"internal": lambda inside: "internal" if inside else "internet-facing"},
        drop={key: f"is the attribute {name}" for key, name in BALANCER_ATTRIBUTES.items()},
        then=(_attributes("ModifyLoadBalancerAttributes", "LoadBalancerArn", BALANCER_ATTRIBUTES),),
    ),
    "aws:lb/targetGroup:TargetGroup": one(
        "elbv2",
        "CreateTargetGroup",
        "TargetGroups[0].TargetGroupArn",
        outputs={"arn": "TargetGroups[0].TargetGroupArn"},
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
        then=(_attributes("ModifyTargetGroupAttributes", "TargetGroupArn", GROUP_ATTRIBUTES),),
    ),
    "aws:lb/listenerRule:ListenerRule": one(
        "elbv2",
        "CreateRule",
        "Rules[0].RuleArn",
        outputs={"arn": "Rules[0].RuleArn"},
        convert={"actions": lambda actions: [_action(each) for each in actions], "conditions": conditions},
    ),
    "aws:lb/listenerCertificate:ListenerCertificate": one(
        "elbv2",
        "AddListenerCertificates",
        "{listenerArn}_{certificateArn}",
        rename={"certificateArn": "Certificates"},
        convert={"certificateArn": lambda arn: [{"CertificateArn": arn}]},
    ),
    "aws:lb/listener:Listener": one(
        "elbv2",
        "CreateListener",
        "Listeners[0].ListenerArn",
        outputs={"arn": "Listeners[0].ListenerArn"},
        build=_listeners,
        rename={"certificateArn": "Certificates", "alpnPolicy": "AlpnPolicy"},
        convert={"certificateArn": lambda arn: [{"CertificateArn": arn}]},
        drop={"defaultActions": "is in DefaultActions"},
    ),
}

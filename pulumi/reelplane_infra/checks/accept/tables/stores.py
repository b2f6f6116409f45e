"""Caches, streams, search and databases: ElastiCache, MSK, OpenSearch, Aurora, Keyspaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.accept.translation import Call, Table, one
from reelplane_infra.checks.shaping import Rules

_UPDATED: Final = "read when the resource is updated"
_DESTROYED: Final = "read when the resource is destroyed"


def _switches(names: Mapping[str, Any]) -> dict[str, Any]:
    """``{"iam": True}`` as MSK writes it, ``{"iam": {"enabled": True}}``."""
    return {
        key: {"enabled": each} if isinstance(each, bool) else _switches(each) for key, each in names.items()
    }


def _log_publishing(options: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        each["logType"]: {
            "CloudWatchLogsLogGroupArn": each["cloudwatchLogGroupArn"],
            "Enabled": each.get("enabled", True),
        }
        for each in options
    }


_PARAMETERS: Final = {"parameters.applyMethod": "ApplyMethod"}
_INSTANCE: Final = {
    "identifier": "DBInstanceIdentifier",
    "clusterIdentifier": "DBClusterIdentifier",
    "instanceClass": "DBInstanceClass",
    "performanceInsightsEnabled": "EnablePerformanceInsights",
    "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
}

TABLE: Final[Table] = {
    "aws:elasticache/subnetGroup:SubnetGroup": one(
        "elasticache",
        "CreateCacheSubnetGroup",
        "CacheSubnetGroup.CacheSubnetGroupName",
        rename={"name": "CacheSubnetGroupName", "description": "CacheSubnetGroupDescription"},
        constant={"CacheSubnetGroupName": "{name}", "CacheSubnetGroupDescription": "Managed by Pulumi"},
    ),
    "aws:elasticache/parameterGroup:ParameterGroup": one(
        "elasticache",
        "CreateCacheParameterGroup",
        "CacheParameterGroup.CacheParameterGroupName",
        rename={"name": "CacheParameterGroupName", "family": "CacheParameterGroupFamily"},
        constant={"CacheParameterGroupName": "{name}", "Description": "Managed by Pulumi"},
        then=(
            Call(
                "ModifyCacheParameterGroup",
                Rules(
                    {
                        "parameters": "ParameterNameValues",
                        "parameters.name": "ParameterName",
                        "parameters.value": "ParameterValue",
                    },
                    constant={"CacheParameterGroupName": "{id}"},
                ),
                ("parameters",),
            ),
        ),
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": one(
        "elasticache",
        "CreateReplicationGroup",
        "ReplicationGroup.ReplicationGroupId",
        outputs={
            "configurationEndpointAddress": "ReplicationGroup.ConfigurationEndpoint.Address",
            "primaryEndpointAddress": "ReplicationGroup.NodeGroups[0].PrimaryEndpoint.Address",
            "readerEndpointAddress": "ReplicationGroup.NodeGroups[0].ReaderEndpoint.Address",
        },
        rename={
            "description": "ReplicationGroupDescription",
            "nodeType": "CacheNodeType",
            "parameterGroupName": "CacheParameterGroupName",
            "subnetGroupName": "CacheSubnetGroupName",
            "maintenanceWindow": "PreferredMaintenanceWindow",
        },
        drop={
            "applyImmediately": _UPDATED,
            "finalSnapshotIdentifier": _DESTROYED,
            "authTokenUpdateStrategy": _UPDATED,
        },
    ),
    "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": one(
        "elasticache", "CreateGlobalReplicationGroup", "GlobalReplicationGroup.GlobalReplicationGroupId"
    ),
    "aws:elasticache/serverlessCache:ServerlessCache": one(
        "elasticache",
        "CreateServerlessCache",
        "ServerlessCache.ServerlessCacheName",
        rename={"name": "ServerlessCacheName"},
        constant={"ServerlessCacheName": "{name}"},
    ),
    "aws:elasticache/user:User": one("elasticache", "CreateUser", "UserId", outputs={"arn": "ARN"}),
    "aws:elasticache/userGroup:UserGroup": one(
        "elasticache", "CreateUserGroup", "UserGroupId", outputs={"arn": "ARN"}
    ),
    "aws:msk/cluster:Cluster": one(
        "kafka",
        "CreateCluster",
        "ClusterArn",
        outputs={"arn": "ClusterArn"},
        rename={
            "encryptionInfo.encryptionAtRestKmsKeyArn": "EncryptionAtRest.DataVolumeKMSKeyId",
            "openMonitoring.prometheus.jmxExporter.enabledInBroker": "EnabledInBroker",
            "loggingInfo.brokerLogs.cloudwatchLogs": "CloudWatchLogs",
        },
        convert={
            "clientAuthentication.sasl": lambda names: _pascal(_switches(names)),
            "clientAuthentication.unauthenticated": lambda on: {"Enabled": on},
        },
    ),
    "aws:msk/configuration:Configuration": one(
        "kafka", "CreateConfiguration", "Arn", convert={"serverProperties": str.encode}
    ),
    "aws:msk/clusterPolicy:ClusterPolicy": one("kafka", "PutClusterPolicy", "{clusterArn}"),
    "aws:msk/scramSecretAssociation:ScramSecretAssociation": one(
        "kafka", "BatchAssociateScramSecret", "{clusterArn}"
    ),
    "aws:msk/serverlessCluster:ServerlessCluster": one(
        "kafka",
        "CreateClusterV2",
        "ClusterArn",
        outputs={"arn": "ClusterArn"},
        rename={
            "vpcConfigs": "Serverless.VpcConfigs",
            "clientAuthentication": "Serverless.ClientAuthentication",
        },
    ),
    "aws:msk/replicator:Replicator": one(
        "kafka",
        "CreateReplicator",
        "ReplicatorArn",
        rename={
            "kafkaCluster": "KafkaClusters",
            "kafkaClusters.vpcConfig.securityGroupsIds": "SecurityGroupIds",
            "replicationInfoList": "ReplicationInfoList",
        },
    ),
    "aws:opensearch/domain:Domain": one(
        "opensearch",
        "CreateDomain",
        "DomainStatus.DomainName",
        outputs={"arn": "DomainStatus.ARN"},
        rename={
            "encryptAtRest": "EncryptionAtRestOptions",
            "nodeToNodeEncryption": "NodeToNodeEncryptionOptions",
            "tags": "TagList",
            "clusterConfig.multiAzWithStandbyEnabled": "MultiAZWithStandbyEnabled",
        },
        convert={"logPublishingOptions": _log_publishing},
    ),
    "aws:opensearch/domainPolicy:DomainPolicy": one(
        "opensearch", "UpdateDomainConfig", "esd-policy-{domainName}"
    ),
    "aws:rds/subnetGroup:SubnetGroup": one(
        "rds",
        "CreateDBSubnetGroup",
        "DBSubnetGroup.DBSubnetGroupName",
        rename={"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"},
        constant={"DBSubnetGroupName": "{name}", "DBSubnetGroupDescription": "Managed by Pulumi"},
    ),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": one(
        "rds",
        "CreateDBClusterParameterGroup",
        "DBClusterParameterGroup.DBClusterParameterGroupName",
        rename={"name": "DBClusterParameterGroupName", "family": "DBParameterGroupFamily"},
        constant={"DBClusterParameterGroupName": "{name}", "Description": "Managed by Pulumi"},
        then=(
            Call(
                "ModifyDBClusterParameterGroup",
                Rules(
                    {"parameters.name": "ParameterName", "parameters.value": "ParameterValue", **_PARAMETERS},
                    constant={"DBClusterParameterGroupName": "{id}"},
                ),
                ("parameters",),
            ),
        ),
    ),
    "aws:rds/globalCluster:GlobalCluster": one(
        "rds",
        "CreateGlobalCluster",
        "GlobalCluster.GlobalClusterIdentifier",
        drop={"forceDestroy": _DESTROYED},
    ),
    "aws:rds/cluster:Cluster": one(
        "rds",
        "CreateDBCluster",
        "DBCluster.DBClusterIdentifier",
        rename={
            "clusterIdentifier": "DBClusterIdentifier",
            "dbClusterParameterGroupName": "DBClusterParameterGroupName",
            "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
            "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
            "masterPassword": "MasterUserPassword",
            "masterPasswordWo": "MasterUserPassword",
            "backtrackWindow": "BacktrackWindow",
            "performanceInsightsEnabled": "EnablePerformanceInsights",
        },
        drop={
            "applyImmediately": _UPDATED,
            "allowMajorVersionUpgrade": _UPDATED,
            "skipFinalSnapshot": _DESTROYED,
            "finalSnapshotIdentifier": _DESTROYED,
            "deleteAutomatedBackups": _DESTROYED,
            "masterPasswordWoVersion": "the provider's own counter",
            "sourceRegion": "which region signs the copy of a snapshot; read by the provider",
        },
    ),
    "aws:rds/clusterInstance:ClusterInstance": one(
        "rds",
        "CreateDBInstance",
        "DBInstance.DBInstanceIdentifier",
        rename=_INSTANCE,
        drop={"applyImmediately": _UPDATED},
    ),
    "aws:keyspaces/keyspace:Keyspace": one(
        "keyspaces",
        "CreateKeyspace",
        "{name}",
        rename={"name": "keyspaceName"},
    ),
    "aws:keyspaces/table:Table": one(
        "keyspaces",
        "CreateTable",
        "{keyspaceName}/{tableName}",
        rename={"schemaDefinition.columns": "allColumns"},
    ),
    "aws:dynamodb/table:Table": one(
        "dynamodb", "CreateTable", "TableDescription.TableName", rename={"name": "TableName"}
    ),
}


def _pascal(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key[0].upper() + key[1:]: _pascal(each) for key, each in value.items()}
    return value

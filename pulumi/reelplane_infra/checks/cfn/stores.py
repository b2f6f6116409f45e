"""ElastiCache, MSK, OpenSearch, Aurora, Keyspaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.cfn.counterpart import DESTROYED, UPDATED, Table, of


def _settings(parameters: list[Mapping[str, Any]]) -> dict[str, str]:
    return {each["name"]: str(each["value"]) for each in parameters}


def _switches(names: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key[0].upper() + key[1:]: {"Enabled": each} if isinstance(each, bool) else _switches(each)
        for key, each in names.items()
    }


def _log_publishing(options: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        each["logType"]: {
            "CloudWatchLogsLogGroupArn": each["cloudwatchLogGroupArn"],
            "Enabled": each.get("enabled", True),
        }
        for each in options
    }


def _columns(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a table by their part in the key, each with its type, as CloudFormation has them."""
    types = {each["name"]: each["type"] for each in definition["columns"]}
    partition = [each["name"] for each in definition["partitionKeys"]]
    clustering = definition.get("clusteringKeys") or []
    keys = {*partition, *(each["name"] for each in clustering)}
    column = {name: {"ColumnName": name, "ColumnType": kind} for name, kind in types.items()}
    return {
        "PartitionKeyColumns": [column[name] for name in partition],
        "ClusteringKeyColumns": [
            {"Column": column[each["name"]], "OrderBy": each["orderBy"]} for each in clustering
        ],
        "RegularColumns": [each for name, each in column.items() if name not in keys],
    }


TABLE: Final[Table] = {
    "aws:elasticache/subnetGroup:SubnetGroup": of(
        "AWS::ElastiCache::SubnetGroup",
        rename={"name": "CacheSubnetGroupName"},
        constant={"Description": "Managed by Pulumi"},
    ),
    "aws:elasticache/parameterGroup:ParameterGroup": of(
        "AWS::ElastiCache::ParameterGroup",
        rename={
            "name": "CacheParameterGroupName",
            "family": "CacheParameterGroupFamily",
            "parameters": "Properties",
        },
        convert={"parameters": _settings},
        constant={"Description": "Managed by Pulumi"},
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": of(
        "AWS::ElastiCache::ReplicationGroup",
        rename={
            "description": "ReplicationGroupDescription",
            "nodeType": "CacheNodeType",
            "parameterGroupName": "CacheParameterGroupName",
            "subnetGroupName": "CacheSubnetGroupName",
            "maintenanceWindow": "PreferredMaintenanceWindow",
        },
        drop={"applyImmediately": UPDATED, "finalSnapshotIdentifier": DESTROYED},
    ),
    "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": of(
        "AWS::ElastiCache::GlobalReplicationGroup"
    ),
    "aws:elasticache/serverlessCache:ServerlessCache": of(
        "AWS::ElastiCache::ServerlessCache", rename={"name": "ServerlessCacheName"}
    ),
    "aws:elasticache/user:User": of("AWS::ElastiCache::User"),
    "aws:elasticache/userGroup:UserGroup": of("AWS::ElastiCache::UserGroup"),
    "aws:msk/cluster:Cluster": of(
        "AWS::MSK::Cluster",
        rename={
            "encryptionInfo.encryptionAtRestKmsKeyArn": "EncryptionAtRest.DataVolumeKMSKeyId",
            "brokerNodeGroupInfo.storageInfo.ebsStorageInfo": "EBSStorageInfo",
        },
        convert={
            "clientAuthentication.sasl": _switches,
            "clientAuthentication.unauthenticated": lambda on: {"Enabled": on},
        },
    ),
    "aws:msk/configuration:Configuration": of(
        "AWS::MSK::Configuration", rename={"kafkaVersions": "KafkaVersionsList"}
    ),
    "aws:msk/clusterPolicy:ClusterPolicy": of("AWS::MSK::ClusterPolicy"),
    "aws:msk/replicator:Replicator": of(
        "AWS::MSK::Replicator", rename={"kafkaClusters.vpcConfig.securityGroupsIds": "SecurityGroupIds"}
    ),
    "aws:msk/serverlessCluster:ServerlessCluster": of("AWS::MSK::ServerlessCluster"),
    "aws:opensearch/domain:Domain": of(
        "AWS::OpenSearchService::Domain",
        rename={
            "encryptAtRest": "EncryptionAtRestOptions",
            "nodeToNodeEncryption": "NodeToNodeEncryptionOptions",
            "vpcOptions": "VPCOptions",
            "ebsOptions": "EBSOptions",
            "domainEndpointOptions.enforceHttps": "EnforceHTTPS",
            "domainEndpointOptions.tlsSecurityPolicy": "TLSSecurityPolicy",
        },
        convert={"logPublishingOptions": _log_publishing},
        drop={"autoTuneOptions": "has no property there"},
    ),
    "aws:opensearch/domainPolicy:DomainPolicy": of("AWS::OpenSearchService::Domain", part=True),
    "aws:rds/subnetGroup:SubnetGroup": of(
        "AWS::RDS::DBSubnetGroup",
        rename={"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"},
        constant={"DBSubnetGroupDescription": "Managed by Pulumi"},
    ),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": of(
        "AWS::RDS::DBClusterParameterGroup",
        rename={"name": "DBClusterParameterGroupName"},
        convert={"parameters": _settings},
        constant={"Description": "Managed by Pulumi"},
    ),
    "aws:rds/globalCluster:GlobalCluster": of(
        "AWS::RDS::GlobalCluster", drop={"databaseName": "set by the first cluster"}
    ),
    "aws:rds/cluster:Cluster": of(
        "AWS::RDS::DBCluster",
        rename={
            "clusterIdentifier": "DBClusterIdentifier",
            "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
            "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
            "masterPassword": "MasterUserPassword",
            "masterPasswordWo": "MasterUserPassword",
            "masterUserSecretKmsKeyId": "MasterUserSecret.KmsKeyId",
            "serverlessv2ScalingConfiguration": "ServerlessV2ScalingConfiguration",
        },
        drop={
            "applyImmediately": UPDATED,
            "allowMajorVersionUpgrade": UPDATED,
            "skipFinalSnapshot": DESTROYED,
            "finalSnapshotIdentifier": DESTROYED,
            "deleteAutomatedBackups": DESTROYED,
            "masterPasswordWoVersion": "the provider's own counter",
        },
    ),
    "aws:rds/clusterInstance:ClusterInstance": of(
        "AWS::RDS::DBInstance",
        rename={
            "identifier": "DBInstanceIdentifier",
            "clusterIdentifier": "DBClusterIdentifier",
            "instanceClass": "DBInstanceClass",
            "performanceInsightsEnabled": "EnablePerformanceInsights",
            "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
        },
        drop={"applyImmediately": UPDATED},
    ),
    "aws:keyspaces/keyspace:Keyspace": of("AWS::Cassandra::Keyspace", rename={"name": "KeyspaceName"}),
    "aws:keyspaces/table:Table": of(
        "AWS::Cassandra::Table",
        rename={
            "schemaDefinition": ".",
            "capacitySpecification": "BillingMode",
            "capacitySpecification.throughputMode": "Mode",
            "encryptionSpecification.type": "EncryptionType",
            "pointInTimeRecovery": "PointInTimeRecoveryEnabled",
            "ttl": "DefaultTimeToLive",
        },
        convert={
            "schemaDefinition": _columns,
            "capacitySpecification.throughputMode": lambda mode: {"PAY_PER_REQUEST": "ON_DEMAND"}.get(
                mode, mode
            ),
            "pointInTimeRecovery": lambda given: given["status"] == "ENABLED",
        },
        drop={
            "ttl": "is switched on by a default time to live there",
            "clientSideTimestamps": "is a switch without a value there",
            "comment": "has no property there",
        },
    ),
}

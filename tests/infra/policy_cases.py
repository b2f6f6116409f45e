"""A passing and a failing case of every rule that is about one resource: type, good inputs, what makes them bad.

What makes them bad replaces inputs of the good ones; None leaves one out.
"""

from __future__ import annotations

import json
from typing import Any, Final

KEY: Final = "arn:aws:kms:us-west-2:111122223333:key/mrk-1"
TAGS: Final = {
    f"reelplane:{each}": each for each in ("component", "data", "managed-by", "owner", "scope")
} | {"reelplane:environment": "dev"}
Case = tuple[str, dict[str, Any], dict[str, Any]]

CLUSTER = "aws:rds/cluster:Cluster"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
SEARCH = "aws:opensearch/domain:Domain"
STREAM = "aws:msk/cluster:Cluster"
EKS = "aws:eks/cluster:Cluster"
ECR = "aws:ecr/repository:Repository"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
LOG = "aws:cloudwatch/logGroup:LogGroup"
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
POOL = "kubernetes:karpenter.sh/v1:NodePool"
VPC = "aws:ec2/vpc:Vpc"


def sealed(algorithm: str = "aws:kms", key: str | None = KEY, bucket_key: bool = True) -> dict[str, Any]:
    default = {"sseAlgorithm": algorithm, "kmsMasterKeyId": key}
    return {"rules": [{"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": bucket_key}]}


def document(*statements: dict[str, Any], name: str = "policy") -> dict[str, Any]:
    return {name: json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


def allow(action: str, resource: str = "arn:aws:s3:::films/*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(**more: Any) -> dict[str, Any]:
    trusted = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "backup.amazonaws.com"},
    }
    return document({**trusted, **more}, name="assumeRolePolicy")


def nodes(taint: str = "karpenter.sh/capacity-type") -> dict[str, Any]:
    spot = {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}
    template = {"spec": {"requirements": [spot], "taints": [{"key": taint, "effect": "NoSchedule"}]}}
    return {"spec": {"template": template, "limits": {"cpu": "8"}}}


def transit(broker: str = "TLS") -> dict[str, Any]:
    return {
        "encryptionInfo": {"encryptionInTransit": {"clientBroker": broker, "inCluster": True}},
        "clientAuthentication": {"unauthenticated": False},
    }


def secret(**more: Any) -> dict[str, Any]:
    kept = {
        "Type": "AWS::SecretsManager::Secret",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
    }
    return {"templateBody": json.dumps({"Resources": {"S": {**kept, "Properties": more}}})}


def viewers(version: str) -> dict[str, Any]:
    return {
        "viewerCertificate": {"minimumProtocolVersion": version},
        "defaultCacheBehavior": {"viewerProtocolPolicy": "https-only"},
    }


CONDITION: Final = {"StringEquals": {"aws:SourceAccount": "111122223333"}}
LIFECYCLE: Final = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
NODE_CLASS: Final = {
    "spec": {
        "blockDeviceMappings": [{"ebs": {"encrypted": True}}],
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
    }
}
CASES: Final[dict[str, Case]] = {
    "s3-kms": (ENCRYPTION, sealed(), sealed("AES256", None)),
    "s3-bucket-key": (ENCRYPTION, sealed(), sealed(bucket_key=False)),
    "ebs-encryption": ("aws:ebs/volume:Volume", {"encrypted": True}, {"encrypted": False}),
    "rds-encryption": (CLUSTER, {"storageEncrypted": True, "kmsKeyId": KEY}, {"kmsKeyId": None}),
    "rds-password": (
        CLUSTER,
        {"masterUsername": "keeper", "manageMasterUserPassword": True, "masterUserSecretKmsKeyId": KEY},
        {"manageMasterUserPassword": False},
    ),
    "elasticache-encryption": (CACHE, {"atRestEncryptionEnabled": True, "kmsKeyId": KEY}, {"kmsKeyId": None}),
    "msk-encryption": (STREAM, {"encryptionInfo": {"encryptionAtRestKmsKeyArn": KEY}}, {"encryptionInfo": {}}),
    "opensearch-encryption": (SEARCH, {"encryptAtRest": {"enabled": True, "kmsKeyId": KEY}}, {"encryptAtRest": None}),
    "keyspaces-encryption": (
        "aws:keyspaces/table:Table", {"encryptionSpecification": {"type": "AWS_OWNED_KMS_KEY"}},
        {"encryptionSpecification": None},
    ),
    "dynamodb-encryption": (
        "aws:dynamodb/table:Table", {"serverSideEncryption": {"enabled": True, "kmsKeyArn": KEY}},
        {"serverSideEncryption": {"enabled": True}},
    ),
    "sqs-encryption": ("aws:sqs/queue:Queue", {"kmsMasterKeyId": KEY}, {"kmsMasterKeyId": None}),
    "sns-encryption": ("aws:sns/topic:Topic", {"kmsMasterKeyId": KEY}, {"kmsMasterKeyId": None}),
    "ecr-encryption": (
        ECR, {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": KEY}]}, {"encryptionConfigurations": []}
    ),
    "eks-secrets-encryption": (
        EKS, {"encryptionConfig": {"provider": {"keyArn": KEY}, "resources": ["secrets"]}}, {"encryptionConfig": None}
    ),
    "secret-encryption": ("aws:secretsmanager/secret:Secret", {"kmsKeyId": KEY}, {"kmsKeyId": None}),
    "template-secrets": ("aws:cloudformation/stack:Stack", secret(KmsKeyId=KEY), secret()),
    "vault-encryption": ("aws:backup/vault:Vault", {"kmsKeyArn": KEY}, {"kmsKeyArn": None}),
    "log-encryption": (LOG, {"kmsKeyId": KEY}, {"kmsKeyId": None}),
    "lambda-encryption": ("aws:lambda/function:Function", {"kmsKeyArn": KEY}, {"kmsKeyArn": None}),
    "kms-rotation": ("aws:kms/key:Key", {"enableKeyRotation": True}, {"enableKeyRotation": False}),
    "kms-deletion-window": ("aws:kms/key:Key", {"deletionWindowInDays": 30}, {"deletionWindowInDays": 7}),
    "health-check-tls": ("aws:route53/healthCheck:HealthCheck", {"type": "HTTPS"}, {"type": "HTTP"}),
    "elasticache-tls": (
        CACHE, {"transitEncryptionEnabled": True, "transitEncryptionMode": "required"},
        {"transitEncryptionMode": "preferred"},
    ),
    "msk-tls": (STREAM, transit(), transit("TLS_PLAINTEXT")),
    "opensearch-tls": (
        SEARCH,
        {
            "domainEndpointOptions": {"enforceHttps": True, "tlsSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"},
            "nodeToNodeEncryption": {"enabled": True},
        },
        {"domainEndpointOptions": {"enforceHttps": True, "tlsSecurityPolicy": "Policy-Min-TLS-1-0-2019-07"}},
    ),
    "lb-tls": (
        "aws:lb/listener:Listener", {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        {"sslPolicy": "ELBSecurityPolicy-2016-08"},
    ),
    "cloudfront-tls": ("aws:cloudfront/distribution:Distribution", viewers("TLSv1.2_2021"), viewers("TLSv1_2016")),
    "s3-block-public-access": (
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True),
        {"ignorePublicAcls": False},
    ),
    "s3-no-acls": (
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls", {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
        {"rule": {"objectOwnership": "ObjectWriter"}},
    ),
    "rds-private": ("aws:rds/instance:Instance", {}, {"publiclyAccessible": True}),
    "opensearch-private": (
        SEARCH,
        {"vpcOptions": {"subnetIds": ["s"], "securityGroupIds": ["g"]}, "advancedSecurityOptions": {"enabled": True}},
        {"vpcOptions": None},
    ),
    "msk-private": (
        STREAM, {"clientAuthentication": {"sasl": {"iam": True}}},
        {"brokerNodeGroupInfo": {"connectivityInfo": {"publicAccess": {"type": "SERVICE_PROVIDED_EIPS"}}}},
    ),
    "subnet-private": ("aws:ec2/subnet:Subnet", {}, {"mapPublicIpOnLaunch": True}),
    "vpc-private-addresses": (VPC, {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "54.0.0.0/16"}),
    "trusted-proxies": (
        "kubernetes:reelplane.io/v1alpha1:VideoPlatform", {"spec": {"api": {"trustedProxies": ["10.0.0.0/8"]}}},
        {"spec": {"api": {"trustedProxies": ["0.0.0.0/0"]}}},
    ),
    "instance-metadata": (
        "aws:ec2/launchTemplate:LaunchTemplate",
        {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1}},
        {"metadataOptions": {"httpTokens": "optional", "httpPutResponseHopLimit": 1}},
    ),
    "default-group-closed": (
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {}, {"ingress": [{"cidrBlocks": ["10.0.0.0/8"]}]}
    ),
    "origin-access": (
        "aws:cloudfront/originAccessControl:OriginAccessControl", {"signingBehavior": "always"},
        {"signingBehavior": "no-override"},
    ),
    "eks-endpoint": (
        EKS, {"vpcConfig": {"endpointPrivateAccess": True, "endpointPublicAccess": False}},
        {"vpcConfig": {"endpointPrivateAccess": True, "endpointPublicAccess": True}},
    ),
    "vpc-endpoint-names": (
        "aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Interface", "privateDnsEnabled": True},
        {"privateDnsEnabled": False},
    ),
    "flow-log-traffic": ("aws:ec2/flowLog:FlowLog", {"trafficType": "ALL"}, {"trafficType": "REJECT"}),
    "iam-actions": (POLICY, document(allow("s3:GetObject")), document(allow("s3:*"))),
    "iam-resources": (POLICY, document(allow("s3:GetObject")), document(allow("s3:GetObject", "*"))),
    "iam-principals": (ROLE, trust(Condition=CONDITION), trust(Principal="*")),
    "iam-deputies": (ROLE, trust(Condition=CONDITION), trust()),
    "iam-escalation": (
        POLICY,
        document(allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "eks.amazonaws.com"}})),
        document(allow("iam:PassRole")),
    ),
    "iam-shape": (POLICY, document(allow("s3:GetObject")), document({"Effect": "allow", "Action": "s3:GetObject"})),
    "iam-managed-policies": (
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"},
        {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
    ),
    "iam-users": (ROLE, {}, {"$type": "aws:iam/user:User"}),
    "eks-access-entries": (
        EKS, {"accessConfig": {"authenticationMode": "API"}}, {"accessConfig": {"authenticationMode": "CONFIG_MAP"}}
    ),
    "rds-iam": (CLUSTER, {"iamDatabaseAuthenticationEnabled": True}, {"iamDatabaseAuthenticationEnabled": None}),
    "lb-headers": (
        "aws:lb/loadBalancer:LoadBalancer",
        {"dropInvalidHeaderFields": True}, {"dropInvalidHeaderFields": None},
    ),
    "ecr-immutable": (ECR, {"imageTagMutability": "IMMUTABLE"}, {"imageTagMutability": "MUTABLE"}),
    "keeps-on-destroy": ("aws:s3/bucket:Bucket", {}, {"forceDestroy": True}),
    "protect": ("aws:s3/bucket:Bucket", {}, {"$protect": False}),
    "deletion-protection": (CLUSTER, {"deletionProtection": True}, {"deletionProtection": False}),
    "rds-final-snapshot": (CLUSTER, {"skipFinalSnapshot": False}, {"skipFinalSnapshot": None}),
    "s3-versioning": (
        "aws:s3/bucketVersioning:BucketVersioning", {"versioningConfiguration": {"status": "Enabled"}},
        {"versioningConfiguration": {"status": "Suspended"}},
    ),
    "s3-old-versions": (
        LIFECYCLE,
        {"rules": [{"id": "a"}, {"noncurrentVersionExpiration": {"noncurrentDays": 30}}]},
        {"rules": [{"noncurrentVersionExpiration": {"noncurrentDays": 1}}]},
    ),
    "rds-backups": (CLUSTER, {"backupRetentionPeriod": 7}, {"backupRetentionPeriod": 1}),
    "keyspaces-backups": (
        "aws:keyspaces/table:Table", {"pointInTimeRecovery": {"status": "ENABLED"}}, {"pointInTimeRecovery": None}
    ),
    "dynamodb-backups": (
        "aws:dynamodb/table:Table",
        {"pointInTimeRecovery": {"enabled": True}}, {"pointInTimeRecovery": None},
    ),
    "backup-plans": (
        "aws:backup/plan:Plan",
        {"rules": [{"lifecycle": {"deleteAfter": 30}, "copyActions": [{"destinationVaultArn": "v"}]}]},
        {"rules": [{"lifecycle": {"deleteAfter": 30}}]},
    ),
    "vault-lock": (
        "aws:backup/vaultLockConfiguration:VaultLockConfiguration", {"minRetentionDays": 7}, {"minRetentionDays": 0}
    ),
    "s3-replication": (
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
        {
            "rules": [
                {
                    "status": "Enabled",
                    "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"}},
                    "destination": {
                        "metrics": {"status": "Enabled"}, "encryptionConfiguration": {"replicaKmsKeyId": KEY},
                    },
                }
            ]
        },
        {"rules": [{"status": "Disabled", "destination": {}}]},
    ),
    "elasticache-backups": (CACHE, {}, {"tags": {"reelplane:data": "primary"}}),
    "elasticache-patches": (CACHE, {"autoMinorVersionUpgrade": True}, {"autoMinorVersionUpgrade": False}),
    "elasticache-failover": (
        CACHE,
        {"automaticFailoverEnabled": True, "multiAzEnabled": True}, {"multiAzEnabled": False},
    ),
    "log-retention": (LOG, {"retentionInDays": 30}, {"retentionInDays": 0}),
    "eks-logs": (
        EKS,
        {"enabledClusterLogTypes": ["api", "audit", "authenticator"]}, {"enabledClusterLogTypes": ["api"]},
    ),
    "rds-logs": (CLUSTER, {"enabledCloudwatchLogsExports": ["postgresql"]}, {"enabledCloudwatchLogsExports": []}),
    "msk-logs": (STREAM, {"loggingInfo": {"brokerLogs": {"cloudwatchLogs": {"enabled": True}}}}, {"loggingInfo": None}),
    "opensearch-logs": (SEARCH, {"logPublishingOptions": [{"logType": "AUDIT_LOGS"}]}, {"logPublishingOptions": []}),
    "ecr-scan": (ECR, {"imageScanningConfiguration": {"scanOnPush": True}}, {"imageScanningConfiguration": None}),
    "waf-metrics": (
        "aws:wafv2/webAcl:WebAcl", {"visibilityConfig": {"cloudwatchMetricsEnabled": True}, "rules": [{"name": "r"}]},
        {"rules": []},
    ),
    "lb-logs": ("aws:lb/loadBalancer:LoadBalancer", {"accessLogs": {"enabled": True}}, {"accessLogs": None}),
    "rds-monitoring": (
        "aws:rds/clusterInstance:ClusterInstance", {"performanceInsightsEnabled": True, "monitoringInterval": 60},
        {"monitoringInterval": 0},
    ),
    "tags": (VPC, {"tags": TAGS}, {"tags": {"Name": "a"}}),
    "region-explicit": (VPC, {"region": "us-west-2"}, {"region": None}),
    "region-allowed": (VPC, {"region": "us-west-2"}, {"region": "eu-west-1"}),
    "region-alone": (VPC, {"policyArn": "arn:aws:a:us-west-2:1:b"}, {"policyArn": "arn:aws:a:eu-west-1:1:b"}),
    "region-keys": (LOG, {"region": "us-west-2", "kmsKeyId": KEY}, {"kmsKeyId": KEY.replace("us-west-2", "eu-west-1")}),
    "region-zone": (
        "aws:ec2/subnet:Subnet", {"region": "us-west-2", "availabilityZone": "us-west-2a"},
        {"availabilityZone": "eu-west-1a"},
    ),
    "karpenter-spot": (POOL, nodes(), nodes("reelplane.io/pool")),
    "karpenter-limits": (POOL, nodes(), {"spec": {}}),
    "karpenter-nodes": (
        "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass", NODE_CLASS,
        {"spec": {**NODE_CLASS["spec"], "blockDeviceMappings": []}},
    ),
    "eks-spot": ("aws:eks/nodeGroup:NodeGroup", {"capacityType": "ON_DEMAND"}, {"capacityType": "SPOT"}),
}  # fmt: skip

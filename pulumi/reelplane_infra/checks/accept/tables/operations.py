"""What watches, keeps and counts: CloudWatch, EventBridge, SQS, SNS, AWS Backup, Budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.accept.tables.compute import BALANCERS
from reelplane_infra.checks.accept.translation import Call, Made, Table, one
from reelplane_infra.checks.shaping import Rules

_QUEUE: Final = {
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
}
_TOPIC: Final = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId", "policy": "Policy"}


def _attributes(names: Mapping[str, str]) -> Any:
    """A build that writes inputs as a map of texts."""

    def build(made: Made) -> Mapping[str, Any]:
        given = {names[key]: each for key, each in made.inputs.items() if key in names and each is not None}
        texts = {
            key: str(each).lower() if isinstance(each, bool) else str(each) for key, each in given.items()
        }
        return {"Attributes": texts} if texts else {}

    return build


def _target(made: Made) -> Mapping[str, Any]:
    target = {"Id": made.inputs.get("targetId", made.name), "Arn": made.inputs["arn"]}
    if made.inputs.get("roleArn"):
        target["RoleArn"] = made.inputs["roleArn"]
    return {"Targets": [target]}


_IS_IN: Final = "is in "

TABLE: Final[Table] = {
    **BALANCERS,
    "aws:cloudwatch/logGroup:LogGroup": one(
        "logs",
        "CreateLogGroup",
        "{name}",
        outputs={"arn": "arn:aws:logs:{region}:{account}:log-group:{name}"},
        rename={"name": "logGroupName"},
        constant={"logGroupName": "{name}"},
        then=(Call("PutRetentionPolicy", Rules(constant={"logGroupName": "{name}"}), ("retentionInDays",)),),
    ),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": one("logs", "PutResourcePolicy", "{policyName}"),
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": one(
        "logs", "PutDeliverySource", "{name}", outputs={"arn": "deliverySource.arn"}
    ),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": one(
        "logs", "PutDeliveryDestination", "{name}", outputs={"arn": "deliveryDestination.arn"}
    ),
    "aws:cloudwatch/logDelivery:LogDelivery": one(
        "logs",
        "CreateDelivery",
        "delivery.id",
        rename={"s3DeliveryConfigurations": "s3DeliveryConfiguration"},
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": one(
        "cloudwatch",
        "PutMetricAlarm",
        "{name}",
        rename={"name": "AlarmName", "metricQueries": "Metrics"},
        constant={"AlarmName": "{name}"},
    ),
    "aws:cloudwatch/eventRule:EventRule": one(
        "events", "PutRule", "{name}", constant={"Name": "{name}"}, outputs={"arn": "RuleArn"}
    ),
    "aws:cloudwatch/eventTarget:EventTarget": one(
        "events",
        "PutTargets",
        "{rule}-{name}",
        build=_target,
        drop={"arn": f"{_IS_IN}Targets", "targetId": f"{_IS_IN}Targets", "roleArn": f"{_IS_IN}Targets"},
    ),
    "aws:sqs/queue:Queue": one(
        "sqs",
        "CreateQueue",
        "QueueUrl",
        build=_attributes(_QUEUE),
        outputs={"url": "QueueUrl", "arn": "arn:aws:sqs:{region}:{account}:{name}"},
        rename={"name": "QueueName"},
        drop=dict.fromkeys(_QUEUE, f"{_IS_IN}Attributes"),
        constant={"QueueName": "{name}"},
    ),
    "aws:sqs/queuePolicy:QueuePolicy": one(
        "sqs",
        "SetQueueAttributes",
        "{queueUrl}",
        build=_attributes({"policy": "Policy"}),
        drop={"policy": f"{_IS_IN}Attributes"},
    ),
    "aws:sns/topic:Topic": one(
        "sns",
        "CreateTopic",
        "TopicArn",
        build=_attributes(_TOPIC),
        outputs={"arn": "TopicArn"},
        drop=dict.fromkeys(_TOPIC, f"{_IS_IN}Attributes"),
        constant={"Name": "{name}"},
    ),
    "aws:sns/topicPolicy:TopicPolicy": one(
        "sns",
        "SetTopicAttributes",
        "{arn}",
        rename={"arn": "TopicArn", "policy": "AttributeValue"},
        constant={"AttributeName": "Policy"},
    ),
    "aws:sns/topicSubscription:TopicSubscription": one(
        "sns", "Subscribe", "SubscriptionArn", rename={"topic": "TopicArn"}
    ),
    "aws:cloudformation/stack:Stack": one(
        "cloudformation",
        "CreateStack",
        "StackId",
        rename={"name": "StackName"},
        constant={"StackName": "{name}"},
    ),
    "aws:backup/vault:Vault": one(
        "backup",
        "CreateBackupVault",
        "BackupVaultName",
        rename={"name": "BackupVaultName", "kmsKeyArn": "EncryptionKeyArn", "tags": "BackupVaultTags"},
        constant={"BackupVaultName": "{name}"},
    ),
    "aws:backup/vaultPolicy:VaultPolicy": one("backup", "PutBackupVaultAccessPolicy", "{backupVaultName}"),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": one(
        "backup", "PutBackupVaultLockConfiguration", "{backupVaultName}"
    ),
    "aws:backup/plan:Plan": one(
        "backup",
        "CreateBackupPlan",
        "BackupPlanId",
        rename={
            "name": "BackupPlan.BackupPlanName",
            "rules": "BackupPlan.Rules",
            "tags": "BackupPlanTags",
            "advancedBackupSettings": "BackupPlan.AdvancedBackupSettings",
            "rules.targetVaultName": "TargetBackupVaultName",
            "rules.schedule": "ScheduleExpression",
            "rules.scheduleExpressionTimezone": "ScheduleExpressionTimezone",
            "rules.startWindow": "StartWindowMinutes",
            "rules.completionWindow": "CompletionWindowMinutes",
            "rules.recoveryPointTags": "RecoveryPointTags",
            "rules.lifecycle.deleteAfter": "DeleteAfterDays",
            "rules.lifecycle.coldStorageAfter": "MoveToColdStorageAfterDays",
            "rules.copyActions.destinationVaultArn": "DestinationBackupVaultArn",
            "rules.copyActions.lifecycle.deleteAfter": "DeleteAfterDays",
            "rules.copyActions.lifecycle.coldStorageAfter": "MoveToColdStorageAfterDays",
        },
        constant={"BackupPlan.BackupPlanName": "{name}"},
    ),
    "aws:backup/selection:Selection": one(
        "backup",
        "CreateBackupSelection",
        "SelectionId",
        rename={
            "planId": "BackupPlanId",
            "name": "BackupSelection.SelectionName",
            "iamRoleArn": "BackupSelection.IamRoleArn",
            "resources": "BackupSelection.Resources",
            "notResources": "BackupSelection.NotResources",
            "conditions": "BackupSelection.Conditions",
            "selectionTags": "BackupSelection.ListOfTags",
            **{
                f"conditions.{test}.{part}": f"Condition{part.capitalize()}"
                for test in ("stringEquals", "stringLikes", "stringNotEquals", "stringNotLikes")
                for part in ("key", "value")
            },
            "selectionTags.type": "ConditionType",
            "selectionTags.key": "ConditionKey",
            "selectionTags.value": "ConditionValue",
        },
        constant={"BackupSelection.SelectionName": "{name}"},
    ),
    "aws:budgets/budget:Budget": one(
        "budgets",
        "CreateBudget",
        "{account}:{name}",
        region="us-east-1",
        build=lambda made: {"NotificationsWithSubscribers": [_notification(each) for each in _list(made)]},
        rename={
            "name": "Budget.BudgetName",
            "budgetType": "Budget.BudgetType",
            "timeUnit": "Budget.TimeUnit",
            "limitAmount": "Budget.BudgetLimit.Amount",
            "limitUnit": "Budget.BudgetLimit.Unit",
            "costFilters": "Budget.CostFilters",
            "tags": "ResourceTags",
        },
        convert={"costFilters": lambda filters: {each["name"]: each["values"] for each in filters}},
        drop={"notifications": f"{_IS_IN}NotificationsWithSubscribers"},
        constant={"AccountId": "{account}", "Budget.BudgetName": "{name}"},
    ),
}


def _list(made: Made) -> list[Mapping[str, Any]]:
    return list(made.inputs.get("notifications") or ())


def _notification(given: Mapping[str, Any]) -> dict[str, Any]:
    names = ("notificationType", "comparisonOperator", "threshold", "thresholdType")
    people = [
        *(
            {"SubscriptionType": "EMAIL", "Address": each}
            for each in given.get("subscriberEmailAddresses") or ()
        ),
        *({"SubscriptionType": "SNS", "Address": each} for each in given.get("subscriberSnsTopicArns") or ()),
    ]
    return {
        "Notification": {name[0].upper() + name[1:]: given[name] for name in names},
        "Subscribers": people,
    }

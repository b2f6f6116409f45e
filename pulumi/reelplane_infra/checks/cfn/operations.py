"""CloudWatch, EventBridge, SQS, SNS, AWS Backup, Budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.cfn.counterpart import Table, of

_RULES: Final = {
    "rules.targetVaultName": "TargetBackupVault",
    "rules.schedule": "ScheduleExpression",
    "rules.startWindow": "StartWindowMinutes",
    "rules.completionWindow": "CompletionWindowMinutes",
    "rules.lifecycle.deleteAfter": "DeleteAfterDays",
    "rules.lifecycle.coldStorageAfter": "MoveToColdStorageAfterDays",
    "rules.copyActions.destinationVaultArn": "DestinationBackupVaultArn",
    "rules.copyActions.lifecycle.deleteAfter": "DeleteAfterDays",
    "rules.copyActions.lifecycle.coldStorageAfter": "MoveToColdStorageAfterDays",
}


def _notifications(notifications: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    names = ("notificationType", "comparisonOperator", "threshold", "thresholdType")
    return [
        {
            "Notification": {name[0].upper() + name[1:]: each[name] for name in names},
            "Subscribers": [
                *(
                    {"SubscriptionType": "EMAIL", "Address": to}
                    for to in each.get("subscriberEmailAddresses") or ()
                ),
                *(
                    {"SubscriptionType": "SNS", "Address": to}
                    for to in each.get("subscriberSnsTopicArns") or ()
                ),
            ],
        }
        for each in notifications
    ]


TABLE: Final[Table] = {
    "aws:cloudwatch/logGroup:LogGroup": of("AWS::Logs::LogGroup", rename={"name": "LogGroupName"}),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": of("AWS::Logs::ResourcePolicy"),
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": of("AWS::Logs::DeliverySource"),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": of(
        "AWS::Logs::DeliveryDestination",
        rename={"deliveryDestinationConfiguration": "."},
    ),
    "aws:cloudwatch/logDelivery:LogDelivery": of(
        "AWS::Logs::Delivery",
        rename={
            "s3DeliveryConfigurations": ".",
        },
        convert={
            "s3DeliveryConfigurations": lambda given: {
                "S3SuffixPath": given[0].get("suffixPath"),
                "S3EnableHiveCompatiblePath": given[0].get("enableHiveCompatiblePath"),
            }
        },
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": of(
        "AWS::CloudWatch::Alarm", rename={"name": "AlarmName", "metricQueries": "Metrics"}
    ),
    "aws:cloudwatch/eventRule:EventRule": of("AWS::Events::Rule"),
    "aws:cloudwatch/eventTarget:EventTarget": of(
        "AWS::Events::Rule",
        part=True,
        rename={"rule": "Name", "arn": "Targets"},
        convert={"arn": lambda arn: [{"Id": "target", "Arn": arn}]},
        drop={"targetId": "is written with the ARN"},
        # A rule must have a schedule or a pattern; the rule itself is checked on its own.
        constant={"ScheduleExpression": "rate(1 day)"},
    ),
    "aws:sqs/queue:Queue": of(
        "AWS::SQS::Queue",
        rename={
            "name": "QueueName",
            "messageRetentionSeconds": "MessageRetentionPeriod",
            "visibilityTimeoutSeconds": "VisibilityTimeout",
            "maxMessageSize": "MaximumMessageSize",
            "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
        },
    ),
    "aws:sqs/queuePolicy:QueuePolicy": of(
        "AWS::SQS::QueuePolicy", rename={"queueUrl": "Queues", "policy": "PolicyDocument"}
    ),
    "aws:sns/topic:Topic": of(
        "AWS::SNS::Topic", rename={"name": "TopicName"}, drop={"policy": "is an AWS::SNS::TopicPolicy there"}
    ),
    "aws:sns/topicPolicy:TopicPolicy": of(
        "AWS::SNS::TopicPolicy", rename={"arn": "Topics", "policy": "PolicyDocument"}
    ),
    "aws:sns/topicSubscription:TopicSubscription": of("AWS::SNS::Subscription", rename={"topic": "TopicArn"}),
    "aws:backup/vault:Vault": of(
        "AWS::Backup::BackupVault",
        rename={"name": "BackupVaultName", "kmsKeyArn": "EncryptionKeyArn", "tags": "BackupVaultTags"},
    ),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": of(
        "AWS::Backup::BackupVault",
        part=True,
        rename={
            key: f"LockConfiguration.{key[0].upper()}{key[1:]}"
            for key in ("changeableForDays", "maxRetentionDays", "minRetentionDays")
        },
        constant={"LockConfiguration.MinRetentionDays": 1},
    ),
    "aws:backup/vaultPolicy:VaultPolicy": of(
        "AWS::Backup::BackupVault", part=True, rename={"policy": "AccessPolicy"}
    ),
    "aws:backup/plan:Plan": of(
        "AWS::Backup::BackupPlan",
        rename={
            "name": "BackupPlan.BackupPlanName",
            "rules": "BackupPlan.BackupPlanRule",
            "tags": "BackupPlanTags",
            "advancedBackupSettings": "BackupPlan.AdvancedBackupSettings",
            **_RULES,
        },
    ),
    "aws:backup/selection:Selection": of(
        "AWS::Backup::BackupSelection",
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
    ),
    "aws:budgets/budget:Budget": of(
        "AWS::Budgets::Budget",
        rename={
            "name": "Budget.BudgetName",
            "budgetType": "Budget.BudgetType",
            "timeUnit": "Budget.TimeUnit",
            "limitAmount": "Budget.BudgetLimit.Amount",
            "limitUnit": "Budget.BudgetLimit.Unit",
            "costFilters": "Budget.CostFilters",
            "notifications": "NotificationsWithSubscribers",
            "tags": "ResourceTags",
        },
        convert={
            "notifications": _notifications,
            "limitAmount": float,
            "costFilters": lambda filters: {each["name"]: each["values"] for each in filters},
        },
    ),
}

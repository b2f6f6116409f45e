"""What the layer ``region`` hands on."""

from __future__ import annotations

import pulumi

from reelplane_infra.outputs.base import Outputs


class RegionOutputs(Outputs):
    """Once per region. What a region does not have (no stream, no search) is an empty text."""

    vpc_id: pulumi.Output[str]
    vpc_cidr: pulumi.Output[str]
    private_subnet_ids: pulumi.Output[list[str]]
    """In the order of the availability zones, as the two below."""
    isolated_subnet_ids: pulumi.Output[list[str]]
    public_subnet_ids: pulumi.Output[list[str]]

    private_route_table_ids: pulumi.Output[list[str]]
    """One for each zone; empty in a VPC that exists, as the next."""
    isolated_route_table_ids: pulumi.Output[list[str]]
    """One for all zones."""

    cluster_name: pulumi.Output[str]
    cluster_endpoint: pulumi.Output[str]
    """``https://...`` of the Kubernetes API server."""
    cluster_ca: pulumi.Output[str]
    """Certificate authority of that server, PEM in base64."""
    cluster_security_group_id: pulumi.Output[str]
    """Of all nodes and, with the VPC's CNI, of all pods."""
    node_role_name: pulumi.Output[str]
    """The role that Karpenter gives its nodes."""
    interruption_queue: pulumi.Output[str]
    """Name of the queue that tells Karpenter which nodes are about to be taken away."""
    media_bucket: pulumi.Output[str]
    media_bucket_arn: pulumi.Output[str]
    media_bucket_domain: pulumi.Output[str]
    """The bucket's regional domain name, as CloudFront's origins are."""
    cache_endpoints: pulumi.Output[dict[str, str]]
    """Use (``cache``, ``queue``, ``counters``) -> host of its Valkey server, port 6379, TLS."""
    cache_secrets: pulumi.Output[dict[str, str]]
    """Use -> name of the Secrets Manager secret with the keys ``username`` and ``password``."""
    stream_arn: pulumi.Output[str]
    """The MSK cluster."""
    stream_brokers: pulumi.Output[str]
    """Its bootstrap brokers for IAM authentication, ``host:9098,...``."""
    stream_security_group_id: pulumi.Output[str]
    search_endpoint: pulumi.Output[str]
    """Host of the OpenSearch domain."""
    balancer_arn: pulumi.Output[str]
    """The load balancer before the region's API. It stands in the public subnets (``internal=False``), since Route 53's
    geolocation and health checks reach public addresses only, and lets nobody in by itself: the edge layer adds
    CloudFront's and the checkers' prefix lists to its group, and the rules that forward to its listener."""
    balancer_listener_arn: pulumi.Output[str]
    """HTTPS, 443. What no rule forwards gets its default action, a fixed 403."""
    balancer_security_group_id: pulumi.Output[str]
    """Without ingress rules of its own."""
    balancer_dns_name: pulumi.Output[str]
    balancer_zone_id: pulumi.Output[str]
    """The hosted zone of that name, for alias records."""
    balancer_host: pulumi.Output[str]
    """The name on the load balancer's certificate, ``<region>.<domain>``: what a caller must ask for."""
    target_group_arn: pulumi.Output[str]
    """Where the API's pods are registered."""

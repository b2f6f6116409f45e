"""The public way to the API: an Ingress, or an HTTPRoute of the Gateway API."""

from __future__ import annotations

from reelplane_plan.network import Route
from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import head, object_name, port_name
from reelplane_plan.types import Facts, Plan, Workload


def route(workload: Workload, plan: Plan, facts: Facts) -> Manifest | None:
    """The route to ``workload``; None when it is not what the public is led to."""
    wanted = plan.route
    if wanted is None or workload.role != "api" or workload.endpoint is None:
        return None
    if wanted.parent is None:
        made = {
            **head("networking.k8s.io/v1", "Ingress", workload, plan, facts),
            "spec": _ingress(wanted, object_name(workload), port_name(workload)),
        }
    else:
        made = {
            **head("gateway.networking.k8s.io/v1", "HTTPRoute", workload, plan, facts),
            "spec": _http_route(wanted, object_name(workload), workload.endpoint.port),
        }
    if wanted.annotations:
        made["metadata"]["annotations"] = dict(wanted.annotations)
    return made


def _ingress(wanted: Route, service: str, port: str) -> Manifest:
    backend = {"service": {"name": service, "port": {"name": port}}}
    rule = {
        "host": wanted.host,
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    spec: Manifest = {"rules": [rule]}
    if wanted.ingress_class:
        spec["ingressClassName"] = wanted.ingress_class
    if wanted.tls:
        spec["tls"] = [{"hosts": [wanted.host], "secretName": wanted.tls}]
    return spec


def _http_route(wanted: Route, service: str, port: int) -> Manifest:
    return {
        "parentRefs": [{"name": wanted.parent}],
        "hostnames": [wanted.host],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"name": service, "port": port}],
            }
        ],
    }

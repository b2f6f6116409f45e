"""How the operator is installed: one set of manifests, written as kustomize bases and as a Helm chart.

    settings ──► manifests (pure) ─┬─ kustomize   operator/deploy/{cluster,namespaced,monitoring}
                                   └─ chart       operator/deploy/chart, the same with Helm's values in their places

``python -m reelplane_operator.install`` writes both; a test fails when the files are stale.
"""

"""A real Kubernetes node of one machine: containerd, kubelet, kube-proxy and the usual add-ons, for tests.

``cluster.NodeCluster.start`` makes a machine out of namespaces (``machine``, ``namespace_init``), a control plane
that listens on its edge (``tests.testbed.cluster``), what runs pods inside it (``containerd``, ``kubelet``), and
add-ons as pods (``addons``). No registry is asked: ``images`` says how each image is made, from the Containerfiles
that are shipped (``builds``), or out of one program (``programs``, ``oci``).
"""

"""The planner: resources and facts in, a plan out, and nothing else happens in between.

``types`` has the values (``servers``, ``placement`` and ``network`` the ones that stand for themselves), ``plan``
the one function that decides, ``builders`` one small file per family of parts, ``render`` the two ways a plan is
written down (processes, manifests), ``scale`` the scaling rule, ``regions`` what a hub writes into a region and
``diff`` what changes between what runs and what is planned. Nothing here reads a clock, a file, the environment or
the network; import-linter holds it to that.
"""

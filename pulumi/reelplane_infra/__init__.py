"""The Pulumi side: an environment in, five regions out, and one recorded plan that every check reads.

``config`` says what is wanted (pydantic, no SDK), ``topology``, ``naming``, ``tags`` and ``stack`` compute from it
(pure), ``components`` declare AWS resources, ``layers`` compose them into stacks whose ``outputs`` are the typed
inputs of the next. ``record`` runs a stack's program in a child process against a resource monitor of ours and
returns what it registered as data; checks, prices and reports read only that.
"""

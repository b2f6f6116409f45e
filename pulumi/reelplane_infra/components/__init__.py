"""Components: one concept per file, each a ``Component`` with its config model in ``config``."""

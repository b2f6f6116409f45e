"""What a person is shown of a recorded plan: on a terminal, as JSON, as a page.

``summary`` boils plan, cost, findings and proofs down to one document of plain data; ``terminal`` and ``page`` only lay
it out, so that all three say the same.
"""

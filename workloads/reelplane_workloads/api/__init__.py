"""The API workload: what a client talks to.

``main`` runs the server on the sockets it is given, ``app`` composes the layers from the outside in: ``hot``
answers the few requests that make up nearly all traffic without the framework, ``edge`` gives every other
request an id, headers and a metric, ``compress`` shrinks what is worth it, and FastAPI with ``routes`` has the
breadth. ``intake`` decides what becomes of a wanted URL and knows no HTTP; ``services`` holds what is open.
"""

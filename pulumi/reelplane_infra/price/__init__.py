"""What a recorded plan costs in a month, before anything is paid for.

    audience --usage--> gigabytes, requests, hours --+
    recorded plan ---------------------------------meters--> uses in units --book--> dollars --cost--> lines, totals

``book`` has the prices with their sources, ``meters`` say what each resource uses, ``cost`` multiplies and adds up,
``compare`` puts two environments side by side and ``documents`` recomputes the project's own figures. Only ``update``
touches a network.
"""

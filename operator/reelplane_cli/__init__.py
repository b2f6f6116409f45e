"""``reelplane``, the command: declare, plan, render, run and look at a platform from a terminal.

``main`` has the commands' words and nothing heavy, ``files`` reads what was declared and observes this machine,
one module per command does the work, ``local`` is the process runtime. What a person did wrong is a
``Failure`` with a way out, never a traceback; exit codes stand in ``exits``.
"""

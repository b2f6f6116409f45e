"""``kubectl reelplane``: the commands whose target is a cluster.

``target`` decides from the command's name and words which target is meant, ``main`` has the words, ``session``
connects and turns what goes wrong into a ``Failure``. Looking goes ``observe`` (reads) -> ``summary`` (pure) ->
``screen`` (pure text); previewing goes ``declared`` (files and cluster -> plans) -> ``preview`` (server-side dry
run) ; ``steer``, ``logs`` and ``report`` each do what they are called. Nothing here decides what a platform
becomes: that is the planner's, the same one that the operator calls.
"""

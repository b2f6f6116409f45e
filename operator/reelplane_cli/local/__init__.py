"""The process runtime: a plan's processes on this machine, started in order, watched, scaled and drained.

``state`` owns the folder (lock, record, secrets), ``sockets`` what is listened on, ``child`` one process from
start to end, ``supervisor`` all of them, ``launch`` the few lines that run inside a child before it becomes
the workload, ``identity`` how a process is recognised later, ``logs`` where its lines go.
"""

"""Carrying out an environment: its stacks in graph order, by Pulumi's engine.

``schedule`` decides which stack runs when, from the graph alone; ``journal`` remembers what was carried out, so that a
run that broke goes on where it stopped; ``engine`` is what runs one stack, ``automation`` Pulumi's.
"""

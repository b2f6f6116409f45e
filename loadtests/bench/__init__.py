"""Measures beside baselines: ``make bench``, or ``python -m loadtests.bench --only NAME``.

Every measure runs the shipped settings (limiter, metrics and signing on) and its baseline in the same run, in
turns, because the machine's speed drifts: the ratio is the figure, the absolutes are only its parts.
"""

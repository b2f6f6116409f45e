"""Load, benchmarks and the demo: what drives a platform from outside and says what came of it."""

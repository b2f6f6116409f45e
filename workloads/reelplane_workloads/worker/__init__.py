"""The worker: takes flights from the queue, runs each in a child, publishes, and keeps what was accepted moving."""

"""Talks to API servers: reads, server-side apply, leases, events. Decides nothing."""

"""The database: what must not be lost. Jobs, flights, media, and the leases between them."""

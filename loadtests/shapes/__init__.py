"""How many users there are at which time: one shape per file, each a pure function of the second."""

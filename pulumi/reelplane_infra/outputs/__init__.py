"""The contracts between layers: one model per layer, exported by it and read by those after it."""

"""Code that runs at AWS: each module is one function's archive by itself and imports nothing of ours."""

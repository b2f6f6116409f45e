"""The API's breadth, one subject per file: what is documented at /docs and costs the framework's time."""

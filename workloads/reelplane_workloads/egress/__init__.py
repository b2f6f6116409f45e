"""The only way out for extraction: the guard proxy, the sandbox around the child, and the pool of upstream proxies."""

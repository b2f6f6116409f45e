"""One small builder per family of children: resources and facts in, workloads or parts of documents out."""

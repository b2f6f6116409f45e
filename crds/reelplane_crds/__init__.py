"""The API kinds of ``reelplane.io`` and the runtime document: what everything else reads, importing nothing of ours."""

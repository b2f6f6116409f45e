"""One video from a stranger's URL to a finished file: a child process with yt-dlp in it, and what runs and ends it.

    runner (worker's event loop)                          child (one process per job, sandboxed)
      spawn, keep one warm                        ──►      lifeline, import yt-dlp
      Start: url, options, limits, folder         ──►      which extractor? (no network yet)
      choose egress, grant                        ◄── Chosen
      Proceed: how to enter the sandbox           ──►      sandbox, extract
      same video already known?                   ◄── Found
      Proceed                                     ──►      fetch with native downloaders ── Progress ──►
      hash, hand to whoever publishes             ◄── Done   sniff, probe, copy streams

``protocol`` is the pipe between them; ``options`` decides what yt-dlp may do, ``faults`` what an error means.
"""

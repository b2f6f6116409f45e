"""What a file really is, whether it plays, and how it becomes one that browsers play.

``sniff`` reads magic bytes, ``probe`` opens the file with the one demuxer they allow, ``plan`` decides what to
do with it (a pure function), ``ffmpeg`` does it. Names, titles and declared types decide nothing here.
"""

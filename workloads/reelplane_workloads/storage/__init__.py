"""Where published media lie: content-addressed objects in a folder or an S3 bucket, and the signed links to them.

``objects`` has the interface and the keys, ``folder`` and ``s3`` the two stores, ``signing`` and ``presign`` the
links, ``ranges`` and ``disposition`` what HTTP needs to deliver a part of an object under a name.
"""

"""Rows that stay on a disk: read when a minibatch needs them, rewritten in blocks.

``shard`` says what a file of rows can do, ``npy_shard`` and ``parquet_shard`` do it; ``rows`` makes
one source of several files, ``opening`` finds and checks them, ``converting`` rewrites them.
"""

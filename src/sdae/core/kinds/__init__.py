"""The kinds of things a network is made of. One entry holds all that is known of one.

Consumers ask the entry; they do not list names of their own. Tables that must be written apart,
such as the program of an export, are checked against the entries by ``tests/core/test_kinds.py``.
"""

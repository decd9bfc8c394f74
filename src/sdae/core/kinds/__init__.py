"""The kinds of parts of a network. One entry holds all facts of a kind.

Other modules ask the entry; they have no lists of names of their own. Tables that must be written
elsewhere, such as the program of an export, are checked against the entries by
``tests/core/test_kinds.py``.
"""

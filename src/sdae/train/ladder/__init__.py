"""Training of a ladder: ``walk`` goes through the updates, the engines do them.

``settings`` are its options, ``costs`` what an update descends, ``task`` the data, checked.
"""

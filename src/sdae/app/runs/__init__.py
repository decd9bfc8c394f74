"""A run from data to folder: prepare, train, keep; what the command line does, unseen."""

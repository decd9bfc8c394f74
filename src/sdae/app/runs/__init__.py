"""Runs: prepare data, train, and save the folder of a run, without printing."""

"""Whether pre-training helped: a network with it and without, beside others, by label count."""

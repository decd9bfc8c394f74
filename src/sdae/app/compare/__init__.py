"""Compare a network with and without pre-training, and other models, by number of labels."""

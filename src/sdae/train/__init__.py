"""The two stages of training: pre-training the autoencoders, fine-tuning the network."""

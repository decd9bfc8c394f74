"""The two walks over the model: pre-training its autoencoders, fine-tuning its network."""

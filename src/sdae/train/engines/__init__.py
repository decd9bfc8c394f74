"""Who runs a training step: one meaning, several engines, and the choice between them."""

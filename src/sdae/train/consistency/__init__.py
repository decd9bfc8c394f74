"""Learning from unlabelled rows in fine-tuning: answers that agree where rows are alike."""

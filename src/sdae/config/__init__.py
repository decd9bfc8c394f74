"""What a layer is, what a stage of training does, a whole recipe: validated once, kept as TOML."""

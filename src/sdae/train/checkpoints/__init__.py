"""Where a training that was cut short goes on: what is written, when, and how it is trusted."""

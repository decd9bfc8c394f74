"""Tables: columns of many types, learned once, and turned into rows for the network."""

"""What `diagnose` looks at: the data, one step of a copy of the network, and one batch."""

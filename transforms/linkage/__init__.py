"""One person, one event, counted once: probabilistic linkage of records told by several providers."""

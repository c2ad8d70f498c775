"""What the rows of each split look like: counts and distributions that do not depend on the order of work."""

"""Load tests: servers of their own, asked in turn, round by round."""

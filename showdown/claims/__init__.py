"""The claims of the article, as experiments with verdicts."""

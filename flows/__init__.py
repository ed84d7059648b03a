"""The story of each job: preconditions first, then its stages, top to bottom."""

"""Strategies: each public module here is one, named like its file."""

"""Ratios against a reference taken in the same run; nothing here is a test."""

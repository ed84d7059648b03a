"""Closed bars kept on disk, so that a run fetches only what is new. It wraps any feed; quotes pass it by."""

from openbell.feeds.cache.feed import CachedFeed

__all__ = ["CachedFeed"]

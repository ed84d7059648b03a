"""Where prices come from: one module per feed, each a ``MarketFeed`` and the settings that open it."""

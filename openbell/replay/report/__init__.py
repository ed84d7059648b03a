"""The report of a replay: one page that needs no network, one picture, one text."""

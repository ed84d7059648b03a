"""The paper venue: real prices, pretended money."""

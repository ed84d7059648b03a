"""Interactive Brokers: the connection to TWS or IB Gateway that account and feed stand on."""

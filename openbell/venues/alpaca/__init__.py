"""Alpaca's HTTP service: addresses, keys and one request at a time; the SDK is imported here and nowhere else."""

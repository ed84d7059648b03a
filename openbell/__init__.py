"""Trading on a schedule, without Prefect: values, decisions, adapters, store and command line."""

__version__ = "0.1.0"

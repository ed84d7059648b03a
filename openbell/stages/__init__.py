"""The steps of a run as plain functions; live tasks and replays call the same ones."""

"""A run of each job from claim to seal, without Prefect."""

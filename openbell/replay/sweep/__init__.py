"""A plan replayed with many parameters: a grid of points, worked through by processes or a Dask cluster."""

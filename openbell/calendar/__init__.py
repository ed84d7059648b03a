"""When a plan may trade: exchange sessions, trading windows, schedule grids, slots."""

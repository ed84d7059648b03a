"""The watchdog: sees to every plan from outside its runs, and works while Prefect does not."""

"""Settings and logging. Only wiring code (api/app.py, workers/app.py, cli/) reads this package."""

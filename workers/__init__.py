"""Celery workers: threads that claim step runs and supervise the sandbox children that compute them."""

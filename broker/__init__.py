"""The broker: the Celery app, the topology built from jobs/queues.py, and the publisher."""

from broker.app import BrokerOptions, depths, make_app, ping, queue_name
from broker.publisher import Publisher

__all__ = ["BrokerOptions", "Publisher", "depths", "make_app", "ping", "queue_name"]

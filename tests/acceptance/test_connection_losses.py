"""A message outlives the connections of those that hold it: the delivery limit is far, and the claim decides who runs it."""

from collections.abc import Callable

from support.house import House
from support.interventions import ledger_of, options_of, wait_sent
from support.servers import PostgresServer, RabbitServer
from support.waiting import wait_until

from bench.files import parts_list
from broker import depths
from broker.app import connected, dead_letter_queue
from jobs.model import StepKey

LOSSES = 20
CONNECTED = "Connected to amqp"


def test_connection_losses__do_not_wear_a_message_out(
    build: Callable[..., House], own_rabbit: RabbitServer, own_postgres: PostgresServer
):
    """A message whose worker loses its connection twenty times before it can claim is run then, and once."""
    house = build("real", HEAVYLIFT_BROKER_URL=own_rabbit.url, HEAVYLIFT_LEDGER_URL=own_postgres.url).start("indexing")
    options = options_of(house)
    job = house.submit("worn.xml", parts_list(3_000))["id"]
    wait_sent(house)
    own_postgres.stop()  # the worker gets the message, but cannot claim: it stays unacknowledged
    worker = house.pools["parsing"].start()
    for n in range(1, LOSSES + 1):
        wait_until(lambda n=n: worker.logs().count(CONNECTED) >= n, within=60, what=f"connection {n}", every=0.05)
        wait_until(lambda: depths(options)["parsing"] == 0, within=30, what="the message to be in its hand", every=0.1)
        own_rabbit.ctl("close_all_connections", "a test")
    assert depths(options)["parsing"] <= 1
    own_postgres.start()
    ended = house.wait_ended(job, within=90)
    assert (ended["status"], ended["steps"][0]["attempt"]) == ("succeeded", 1)
    assert worker.logs().count(CONNECTED) > LOSSES
    ledger = ledger_of(house)
    assert ledger.get(job, owner="local").step(StepKey("parse")).fence == 1
    ledger.close()
    with connected(options) as connection, connection.channel() as channel:
        assert channel.queue_declare(dead_letter_queue(options).name, passive=True).message_count == 0

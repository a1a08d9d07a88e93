"""deploy/rabbitmq/rabbitmq.conf, as RabbitMQ itself reads it."""

import re

import pytest
from support.servers import MissingBinary, RabbitServer
from support.sources import ROOT


def test_rabbitmq_conf__is_understood():
    """A RabbitMQ starts with the file of the deployment, and holds its consumer timeout."""
    text = (ROOT / "deploy" / "rabbitmq" / "rabbitmq.conf").read_text()
    settings = dict(re.findall(r"^(\S+) = (.*)$", text, re.MULTILINE))
    try:
        server = RabbitServer(**settings)
    except MissingBinary as missing:
        pytest.skip(str(missing))
    try:
        server.start()
        assert int(server.ctl("eval", "element(2, application:get_env(rabbit, consumer_timeout)).")) == int(
            settings["consumer_timeout"]
        )
    finally:
        server.close()

# SPDX-License-Identifier: BSD-3-Clause
"""The model's types as JSON and back."""

import msgspec
import pytest

from slb.errors import RequestError, UnknownVs, request_error
from slb.model import codec
from slb.model.endpoint import Endpoint, VsKey
from slb.model.policy import Policy, VsTimeouts
from slb.model.service import RealServer, Service, ServiceSet
from slb.model.views import Items, Version

BODY = (
    b'{"vs":"10.96.0.10:80/tcp","scheduler":"wrr","rs":[{"rs":"10.10.0.1:8080","weight":5}],'
    b'"one_packet":false,"timeouts":{"tcp_close":5},"client_address":"toa","syn_proxy":true}'
)


def test_a_service_comes_out_as_it_went_in() -> None:
    service = codec.decode(BODY, Service)
    real = RealServer(Endpoint.parse("10.10.0.1:8080"), 5)
    own = VsTimeouts(tcp_close=5)
    key = VsKey.parse("10.96.0.10:80/tcp")
    assert service == Service(key, "wrr", (real,), False, own, "toa", True)
    assert codec.encode(service) == BODY


def test_defaults() -> None:
    service = codec.decode(b'{"vs":"10.96.0.10:80/tcp","rs":[{"rs":"10.10.0.1:80"}]}', Service)
    assert service.scheduler == "rr"
    assert service.rs[0].weight == 1
    assert service.policy == Policy("rr", False, VsTimeouts())


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"vs":"x"}', "'x' is not ADDRESS:PORT/tcp or ADDRESS:PORT/udp"),
        (b'{"vs":5}', "Expected `str`, got `int` - at `$.vs`"),
        (b'{"vs":"10.96.0.10:80/tcp","scheduler":"lc"}', "Invalid enum value 'lc'"),
        (b'{"vs":"10.96.0.10:80/tcp","rs":[{"rs":"1.1.1.1:1","weight":1001}]}', "$.rs[0].weight"),
        (b'{"vs":"10.96.0.10:80/tcp","rs":[{"rs":"1.1.1.1:1","weight":true}]}', "got `bool`"),
        (b'{"vs":"10.96.0.10:80/tcp","colour":1}', "unknown field `colour`"),
        (b'{"vs":"10.96.0.10:80/tcp","timeouts":{"tcp":1}}', "unknown field `tcp`"),
        (b'{"vs":"10.96.0.10:80/tcp","timeouts":{"tcp_close":0}}', "$.timeouts.tcp_close"),
    ],
)
def test_refused(body: bytes, sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        codec.decode(body, Service)
    assert sentence in str(error.value)


def test_plain_values() -> None:
    plain = codec.to_plain(ServiceSet((codec.decode(BODY, Service),)))
    assert plain["services"][0]["vs"] == "10.96.0.10:80/tcp"
    assert codec.convert(plain, ServiceSet).services[0] == codec.decode(BODY, Service)


def test_a_newer_daemon_may_say_more() -> None:
    body = b'{"items":[{"slb":"9","abi":9,"dpdk":"x","pid":1,"generation":2,"mood":"good"}]}'
    assert codec.decode(body, Items[Version]).items == [Version("9", 9, "x", 1, 2)]


def test_codes_become_exceptions() -> None:
    assert type(request_error("unknown_vs", "gone")) is UnknownVs
    assert type(request_error("something_new", "?")) is RequestError

"""Is a test really refused everything beyond this machine, and the developer's own settings?"""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

import pytest

from tests.conftest import GUARD, is_foreign
from tests.loopback import OffLoopbackError


@pytest.fixture
def refused(pytestconfig):
    """What was refused so far; asking takes it, so that it doesn't fail this test."""
    return pytestconfig.stash[GUARD].take


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80)], ids=["ipv4", "ipv6"])
def test_connection_beyond_this_machine_is_refused(address, refused):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as sock, pytest.raises(OffLoopbackError, match=address[0]):
        sock.connect(address)
    assert refused() == [address[0]]


def test_datagram_beyond_this_machine_is_refused(refused):
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(OffLoopbackError):
        sock.sendto(b"hello", ("192.0.2.1", 53))
    assert refused() == ["192.0.2.1"]


async def test_name_beyond_this_machine_is_not_even_looked_up(refused):
    with pytest.raises(OffLoopbackError, match=r"darkroom\.example"):
        await asyncio.open_connection("darkroom.example", 443)
    assert refused() == ["darkroom.example"]


async def test_attempt_that_the_code_swallowed_is_still_known(refused):
    with contextlib.suppress(Exception):  # as code does that takes any fault for a fault of the network
        await asyncio.open_connection("192.0.2.1", 443)
    assert refused() == ["192.0.2.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_loopback_is_open(host):
    received = asyncio.get_running_loop().create_future()

    async def answer(reader, writer):
        received.set_result(await reader.read())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, family=socket.AF_INET) as server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(host, port, family=socket.AF_INET)
        writer.write(b"hello")
        writer.write_eof()
        assert await received == b"hello"
        writer.close()
        await writer.wait_closed()


async def test_unix_socket_is_open(tmp_path):
    async def answer(_, writer):
        writer.close()

    async with await asyncio.start_unix_server(answer, tmp_path / "socket"):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


def test_no_setting_or_proxy_of_the_developer_reaches_a_test():
    assert [name for name in os.environ if is_foreign(name)] == []
    assert is_foreign("GMI_API_KEY")
    assert is_foreign("https_proxy")
    assert not is_foreign("PATH")


def test_working_directory_is_empty_and_its_own(tmp_path):
    assert Path.cwd() == tmp_path
    assert list(tmp_path.iterdir()) == []

"""Does the wire carry, break and come back? Between two ends that this test holds itself."""

import asyncio

import pytest

from tests.chaos.relay import HERE, Relay


@pytest.fixture
async def echo():
    """A server that says everything again; its port."""

    async def again(reader, writer):
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(again, HERE, 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def wire(echo):
    relay = Relay()
    await relay.open()
    relay.leads_to(echo)
    yield relay
    await relay.close()


async def connected(wire):
    return await asyncio.open_connection(HERE, wire.port)


async def said(reader, writer, words):
    writer.write(words)
    return await reader.readexactly(len(words))


async def test_what_is_said_arrives_whole(wire):
    reader, writer = await connected(wire)
    words = bytes(range(256)) * 2000
    assert await said(reader, writer, words) == words
    writer.write_eof()
    assert await reader.read() == b"", "the end is passed on, too"
    writer.close()


async def test_cut_wire_ends_every_connection_and_takes_new_ones(wire):
    ends = [await connected(wire) for _ in range(3)]
    for reader, writer in ends:
        await said(reader, writer, b"hello")
    wire.cut()
    for reader, writer in ends:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await said(reader, writer, b"hello")
        writer.transport.abort()
    reader, writer = await connected(wire)
    assert await said(reader, writer, b"again") == b"again"
    writer.close()


async def test_wire_that_is_down_lets_nobody_in_and_comes_back_at_the_same_port(wire):
    port = wire.port
    await wire.down()
    with pytest.raises(ConnectionError):
        await connected(wire)
    await wire.up()
    await wire.up()
    reader, writer = await connected(wire)
    assert (wire.port, await said(reader, writer, b"back")) == (port, b"back")
    writer.close()


async def test_wire_to_a_server_that_is_gone_ends_at_once(wire):
    wire.leads_to(1)
    reader, writer = await connected(wire)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await said(reader, writer, b"hello")
    writer.transport.abort()

"""When nobody acknowledges in time, or all goes wrong on the way: what comes again, and what is lost?"""

from tests.emulators.slack_tests.echo import EchoApp


async def test_an_event_nobody_acknowledges_comes_again_at_once_after_a_minute_and_after_five(slack, ann, art):
    slack.clock.stop()
    sent = ann.writes(art, "hello").deliveries[0]  # no connection at all
    assert await sent is None
    await slack.until(lambda: len(sent.attempts) == 2)
    slack.advance(60)
    await slack.until(lambda: len(sent.attempts) == 3)
    app = EchoApp(slack)
    async with app.by_sockets():
        slack.advance(300)
        await app.has_heard(1)
        await slack.quiet()
    assert [attempt.failure for attempt in sent.attempts] == ["connection_failed"] * 3 + [None]
    assert app.retries == ["3"]
    assert sent.ack


async def test_an_acknowledged_event_may_still_come_again(slack, app, ann, art):
    slack.courier.duplicate()
    async with app.by_sockets():
        sent = ann.writes(art, "hello").deliveries[0]
        await app.has_heard(2)
        await slack.quiet()
    assert app.heard[0]["event_id"] == app.heard[1]["event_id"]
    assert app.retries == ["0", "1"]
    assert len(sent.attempts) == 2


async def test_events_may_come_backwards(slack, app, ann, art):
    async with app.by_sockets():
        with slack.courier.hold() as held:
            for words in ("one", "two", "three"):
                ann.writes(art, words)
            assert len(held.waiting) == 3
            await held.release(backwards=True)
        await app.has_heard(3)
    assert [b["event"]["text"] for b in app.heard] == ["three", "two", "one"]


async def test_an_event_may_be_lost(slack, app, ann, art):
    slack.courier.lose()
    async with app.by_sockets():
        lost = ann.writes(art, "one").deliveries[0]
        ann.writes(art, "two")
        await app.has_heard(1)
        await slack.quiet()
    assert [b["event"]["text"] for b in app.heard] == ["two"]
    assert await lost is None
    assert (lost.lost, lost.attempts) == (True, [])


async def test_a_command_can_be_delivered_again_by_command(slack, app, ann, art):
    heard = []

    async def notes(ack, command):
        heard.append(command["trigger_id"])
        await ack()

    app.on_command(notes)
    async with app.by_sockets():
        asked = ann.slash("/imagine a fox", art)
        assert await asked
        assert await slack.courier.again(asked)
    assert heard == [asked.trigger_id] * 2


async def test_the_same_envelope_may_come_over_two_sockets(slack, wire, ann, art):
    one, two = await wire(), await wire()
    assert (await one.next())["num_connections"] == 1
    assert (await two.next())["num_connections"] == 2
    slack.courier.on_two_sockets()
    sent = ann.writes(art, "hello").deliveries[0]
    frames = [await one.next(), await two.next()]
    assert frames[0] == frames[1]
    assert frames[0]["accepts_response_payload"] is False
    for each in (one, two):
        await each.acks(frames[0])
    assert (await sent).via in ("socket-1+socket-2", "socket-2+socket-1")


async def test_a_late_acknowledgement_is_none_and_the_event_comes_again(slack, wire, ann, art):
    slack.clock.stop()
    socket = await wire()
    await socket.next()
    sent = ann.writes(art, "hello").deliveries[0]
    first = await socket.next()
    assert (first["retry_attempt"], first["retry_reason"]) == (0, "")
    slack.advance(3.0)
    assert await sent is None
    second = await socket.next()
    assert (second["retry_attempt"], second["retry_reason"]) == (1, "timeout")
    assert second["payload"] == first["payload"]
    await socket.acks(first)
    await slack.until(lambda: slack.courier.late == [first["envelope_id"]])
    await socket.acks(second)
    await slack.quiet()
    assert sent.attempts[1].ack


async def test_an_acknowledgement_may_count_on_its_own_socket_only(slack, wire, ann, art):
    slack.courier.acks_from_anywhere = False
    one, two = await wire(), await wire()
    for each in (one, two):
        await each.next()
    slack.sockets.open[1].draining = True
    sent = ann.writes(art, "hello").deliveries[0]
    frame = await one.next()
    await two.acks(frame)
    await slack.until(lambda: slack.courier.late)
    assert not sent.first.done()
    await one.acks(frame)
    assert await sent

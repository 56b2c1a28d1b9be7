"""Do the small things that are owed to members outlive the time that a bot may be away?"""

from bot import messages
from tests.world.plain import later

MONTH = 30 * 86_400.0


async def test_picture_that_was_said_to_be_deleted_is_removed_after_a_month_without_the_bot(make_world):
    world = await make_world("plain")
    square, ann = world.place.driver.square, world.user("ann")
    said = await ann.says("/imagine a fox")
    fox = await ann.sees(images=1)
    square.fail("delete", later())
    assert await ann.deletes(fox) == messages.deleted()
    await world.step()
    assert fox.id in square.messages, "the square was closed just then"
    await world.stop()
    world.advance(MONTH)
    await world.start()
    await world.sweep()
    await world.let_everybody_run()
    await world.step()
    assert fox.id not in square.messages
    assert (await world.job(said)).deleted_at is not None

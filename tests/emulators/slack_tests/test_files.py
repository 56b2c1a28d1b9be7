"""Do uploads end when they end, and are private files private?"""

import json

import aiohttp
import aiohttp.web

from tests.emulators.slack import Upload
from tests.emulators.slack_tests.asking import SECTION, refused, uploaded
from tests.emulators.slack_tests.echo import picture


async def test_uploads_that_cannot_be(slack, client, ann, art):
    await refused(
        client.files_getUploadURLExternal(filename="a.png", length=5, alt_txt="x" * 1001), "alt_txt_too_large"
    )
    await refused(client.files_getUploadURLExternal(filename="a.png", length=0), "invalid_arguments")
    complete = client.files_completeUploadExternal
    await refused(complete(files=[{"id": "F0NOWHERE"}]), "file_not_found")
    early = await client.files_getUploadURLExternal(filename="a.png", length=5)
    await refused(complete(files=[{"id": early["file_id"]}]), "file_not_found")
    short = await uploaded(slack, client, b"123", length=5)
    await refused(complete(files=[{"id": short}]), "file_upload_size_restricted")
    file = [{"id": await uploaded(slack, client)}]
    root = ann.writes(art, "root")
    hall = slack.channel("hall", ann)
    open_ = slack.channel("open", ann, bot=False)
    await refused(complete(files=[]), "invalid_arguments")
    await refused(complete(files=file, channel_id=open_.id), "not_in_channel")
    await refused(complete(files=file, channel_id="C0NOWHERE"), "channel_not_found")
    await refused(complete(files=file, channel_id=art.id, thread_ts="1700000000.000000"), "thread_not_found")
    two = [art.id, hall.id]
    await refused(complete(files=file, channels=two, thread_ts=root.ts), "invalid_arguments")
    here = {"files": file, "channel_id": art.id}
    await refused(complete(**here, blocks=json.dumps([SECTION]), initial_comment="x"), "invalid_arguments")
    await refused(complete(**here, blocks=json.dumps([{"type": "markdown", "text": "x"}])), "internal_error")
    await refused(complete(**here, blocks=json.dumps([{"type": "poem"}])), "invalid_blocks")
    assert art.messages == [root]
    await complete(files=file, channels=two)
    await refused(complete(**here), "file_not_found")
    await slack.quiet()
    assert len(art.messages) == 2
    assert len(hall.messages) == 1


async def test_a_second_completion_may_share_again(slack, client, art):
    slack.uploads.complete_again = "share"
    file = [{"id": await uploaded(slack, client)}]
    for _ in range(2):
        await client.files_completeUploadExternal(files=file, channel_id=art.id)
    await slack.quiet()
    assert len(art.messages) == 2


async def test_a_share_comes_late_never_twice_or_not_for_a_deleted_file(slack, client, art):
    slack.clock.stop()
    slack.uploads.next_one(shared_after=60.0)
    slack.uploads.next_one(shared_after=None)
    slack.uploads.next_one(twice=True)
    slack.uploads.next_one(shared_after=60.0)
    files = [await uploaded(slack, client) for _ in range(4)]
    for file in files:
        await client.files_completeUploadExternal(files=[{"id": file}], channel_id=art.id)
    await slack.quiet()
    assert [m.files[0].id for m in art.messages] == [files[2]] * 2
    late = (await client.files_info(file=files[0]))["file"]
    assert (late["mimetype"], late["shares"]) == ("image/png", {})
    await client.files_delete(file=files[3])
    await refused(client.files_info(file=files[3]), "file_deleted")
    slack.advance(60)
    await slack.until(lambda: len(art.messages) == 3)
    await slack.quiet()
    assert [m.files[0].id for m in art.messages[2:]] == [files[0]]


async def test_a_slack_file_can_be_shown_only_once_slack_has_looked_at_it(slack, client, ann, art):
    slack.clock.stop()
    slack.uploads.next_one(typed_after=5.0)
    file = await uploaded(slack, client)
    await client.files_completeUploadExternal(files=[{"id": file}])
    block = {"type": "image", "slack_file": {"id": file}, "alt_text": "a fox"}
    answer = await refused(client.chat_postMessage(channel=art.id, text="x", blocks=[block]), "invalid_blocks")
    assert "invalid slack file" in answer["errors"][0]
    slack.advance(5)
    await slack.quiet()
    await client.chat_postMessage(channel=art.id, text="x", blocks=[block])
    assert slack.pictures(art.messages[0]) == [(picture(), "a fox")]


async def test_private_files_answer_with_a_sign_in_page_unless_the_token_may_see_them(slack, client, ann, art):
    shown = ann.writes(art, files=[Upload(name="me.png", data=picture())]).files[0]
    hidden = ann.writes(slack.channel("secret", ann, kind="group", bot=False), files=[Upload(name="a.png", data=b"1")])

    async def fetched(file, token=slack.bot_token):
        url = f"{slack.api_url.removesuffix('/api/')}/files-pri/{slack.workspace.id}-{file.id}/{file.name}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            return answer.status, answer.content_type, await answer.read()

    assert await fetched(shown) == (200, "image/png", picture())
    for page in (await fetched(shown, None), await fetched(shown, "xoxb-another"), await fetched(hidden.files[0])):
        assert page[:2] == (200, "text/html")
    slack.bot.scopes.discard("files:read")
    assert (await fetched(shown))[:2] == (200, "text/html")
    slack.bot.scopes.add("files:read")
    await refused(client.files_delete(file=shown.id), "cant_delete_file")
    ann.deletes(shown)
    assert (await fetched(shown))[0] == 404
    await refused(client.files_info(file=shown.id), "file_deleted")
    await refused(client.files_info(file=hidden.files[0].id), "file_not_found")

"""For any history, what is sent builds on it: its words in order, the right picture, never too many of them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot.turns import MAX_CONTENTS, Source, by_picture, first_turn, next_history, next_turn

MEDIA = ("fileData", "file_data", "inlineData", "inline_data")
ANSWER = {"text": "Here is the generated image."}
TEMPLATE = {"role": "user", "parts": [{"text": ""}, {"fileData": {"mimeType": "image/png", "fileUri": ""}}]}

PHOTO = Source(url="https://files.example/photo.jpeg", media_type="image/jpeg")
SCARF = Source(url="https://files.example/scarf.png", media_type="image/png")
EDITED = Source(url="https://files.example/edited.png", media_type="image/png")


def shown(uri: str, **beside: Any) -> dict[str, Any]:
    return {"fileData": {"mimeType": "image/png", "fileUri": uri}, **beside}


def said(*parts: Any, **beside: Any) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": p} if isinstance(p, str) else p for p in parts], **beside}


def answered(*parts: Any, **beside: Any) -> dict[str, Any]:
    return {**said(*parts, **beside), "role": "model"}


def edit(contents: Any, prompt: str = "make it night", **wish: Any) -> list[Any]:
    payload = next_turn(
        contents, **{"prompt": prompt, "aspect_ratio": "1:1", "references": [], "picture": None, **wish}
    )
    assert payload is not None
    return payload["contents"]


# -- the guide's own conversation ------------------------------------------------------------------------------------


def test_guides_conversation_is_reproduced_to_the_letter():
    assert first_turn(prompt="A panda making latte art in a cozy cafe", aspect_ratio="1:1", references=[]) == {
        "prompt": "A panda making latte art in a cozy cafe",
        "aspect_ratio": "1:1",
    }
    outcome = [
        {"role": "user", "parts": [{"text": "A panda making latte art in a cozy cafe"}]},
        {
            "role": "model",
            "parts": [
                {"text": "Here is the generated image."},
                {"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/generated.png"}},
            ],
        },
        {"role": "user", "parts": [{"text": ""}, {"fileData": {"mimeType": "image/png", "fileUri": ""}}]},
    ]
    history = next_history(outcome)
    assert history is not None
    words = "Change the panda to a brown bear and make the cup blue"
    assert next_turn(history, prompt=words, aspect_ratio="1:1", references=[], picture=None) == {
        "contents": [
            {"role": "user", "parts": [{"text": "A panda making latte art in a cozy cafe"}]},
            {
                "role": "model",
                "parts": [
                    {"text": "Here is the generated image."},
                    {"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/generated.png"}},
                ],
            },
            {"role": "user", "parts": [{"text": "Change the panda to a brown bear and make the cup blue"}]},
        ],
        "aspect_ratio": "1:1",
    }


def test_first_turn_names_its_references_by_address():
    assert first_turn(prompt="a cyberpunk portrait", aspect_ratio="4:5", references=[PHOTO, SCARF]) == {
        "prompt": "a cyberpunk portrait",
        "image": [PHOTO.url, SCARF.url],
        "aspect_ratio": "4:5",
    }


def test_edit_by_picture_names_the_picture_before_the_references():
    assert by_picture(prompt="add this scarf", aspect_ratio="3:2", picture=EDITED, references=[SCARF]) == {
        "prompt": "add this scarf",
        "image": [EDITED.url, SCARF.url],
        "aspect_ratio": "3:2",
    }


def test_too_many_references_are_the_callers_error():
    with pytest.raises(ValueError):
        first_turn(prompt="a fox", aspect_ratio="1:1", references=[PHOTO] * 4)
    with pytest.raises(ValueError):
        by_picture(prompt="a fox", aspect_ratio="1:1", picture=EDITED, references=[PHOTO] * 3)
    with pytest.raises(ValueError):
        edit([answered(shown("gs://b/1.png"))], references=[PHOTO] * 3)


def test_edit_of_nothing_by_nothing_is_the_callers_error():
    with pytest.raises(ValueError):
        edit([answered(shown("gs://b/1.png"))], prompt=" \n")


# -- the last user turn ----------------------------------------------------------------------------------------------


def test_references_stand_in_the_last_user_turn_behind_the_words():
    contents = edit([said("a fox"), answered(ANSWER, shown("gs://b/1.png")), TEMPLATE], references=[PHOTO, SCARF])
    assert contents[-1] == {
        "role": "user",
        "parts": [
            {"text": "make it night"},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": PHOTO.url}},
            {"fileData": {"mimeType": "image/png", "fileUri": SCARF.url}},
        ],
    }


def test_reference_without_words_leaves_no_empty_text():
    contents = edit([said("a fox"), answered(shown("gs://b/1.png")), TEMPLATE], prompt="", references=[SCARF])
    assert contents[-1] == {"role": "user", "parts": [shown(SCARF.url)]}


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        pytest.param([], [said("make it night")], id="last turn missing"),
        pytest.param([{"role": "user"}], [said("make it night")], id="template without parts"),
        pytest.param([{"role": "user", "parts": None}], [said("make it night")], id="template with null parts"),
        pytest.param([TEMPLATE, TEMPLATE], [said("make it night")], id="two templates"),
        pytest.param([said("and a hat")], [said("and a hat", "make it night")], id="words in the last turn"),
        pytest.param([said("a"), said("b")], [said("a"), said("b", "make it night")], id="two turns with words"),
        pytest.param([said("a"), TEMPLATE], [said("a"), said("make it night")], id="words, then a template"),
        pytest.param([said("", "a")], [said("a", "make it night")], id="empty text before words"),
        pytest.param([said("a", "")], [said("a", "make it night")], id="empty text behind words"),
        pytest.param([said("   ")], [said("make it night")], id="blank text"),
        pytest.param([said("", id="t3")], [said("make it night", id="t3")], id="template with an unknown key"),
        pytest.param(
            [said({"text": "", "hint": "type here"})],
            [said({"text": "make it night", "hint": "type here"})],
            id="template's text with an unknown key",
        ),
        pytest.param(
            [{"role": "user", "parts": "?"}], [{"role": "user", "parts": "?"}, said("make it night")], id="odd parts"
        ),
        pytest.param(
            [{"role": "tool", "parts": ["?"]}],
            [{"role": "tool", "parts": ["?"]}, said("make it night")],
            id="other role",
        ),
    ],
)
def test_new_words_go_behind_everything_said_before(tail: list[Any], expected: list[Any]):
    start = [said("a fox"), answered(ANSWER, shown("gs://b/1.png"))]
    assert edit(start + tail) == start + expected


def test_payload_shares_nothing_with_the_stored_history():
    turns = [said("a fox", x={"y": [1]}), answered({"text": "Done.", "meta": [1]}, shown("gs://b/1.png")), TEMPLATE]
    before = copy.deepcopy(turns)
    contents = edit(turns)
    contents[0]["x"]["y"].append(2)
    contents[1]["parts"][0]["meta"].append(2)
    contents[1]["parts"][1]["fileData"]["fileUri"] = "gs://elsewhere"
    assert turns == before


# -- which images stay -----------------------------------------------------------------------------------------------


def conversation(*results: list[str]) -> list[Any]:
    """Turns of one conversation; each result is the addresses of its images."""
    turns: list[Any] = []
    for number, uris in enumerate(results):
        turns += [said(f"wish {number}"), answered(f"answer {number}", *map(shown, uris))]
    return [*turns, TEMPLATE]


def parts_of(turns: list[Any]) -> list[Any]:
    """All parts, in order, of whatever kind."""
    return [part for turn in turns if isinstance(turn.get("parts"), list) for part in turn["parts"]]


def images(turns: list[Any]) -> list[str]:
    """Addresses (or bytes) of all images, in order."""
    media = [part[key] for part in parts_of(turns) if isinstance(part, dict) for key in MEDIA if key in part]
    found = [one.get("fileUri") or one.get("file_uri") or one.get("data") for one in media if isinstance(one, dict)]
    return [uri for uri in found if uri]


def test_oldest_images_go_first():
    contents = edit(conversation(["gs://1"], ["gs://2"], ["gs://3"], ["gs://4"], ["gs://5"]))
    assert images(contents) == ["gs://3", "gs://4", "gs://5"]
    assert contents[1] == answered("answer 0")


@pytest.mark.parametrize(
    ("references", "expected"),
    [([PHOTO], ["gs://3", "gs://4", PHOTO.url]), ([PHOTO, SCARF], ["gs://4", PHOTO.url, SCARF.url])],
)
def test_references_take_the_place_of_older_images(references: list[Source], expected: list[str]):
    assert images(edit(conversation(["gs://1"], ["gs://2"], ["gs://3"], ["gs://4"]), references=references)) == expected


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0, ["gs://0", "gs://1", "gs://a"]), (1, ["gs://1", "gs://a", "gs://b"]), (2, ["gs://a", "gs://b", "gs://c"])],
)
def test_edited_picture_is_the_last_of_its_result(index: int, expected: list[str]):
    turns = conversation(["gs://0"], ["gs://1"], ["gs://a", "gs://b", "gs://c"])
    assert images(edit(turns, picture_index=index, picture=EDITED)) == expected


def test_edited_picture_outlasts_newer_images():
    turns = [*conversation(["gs://1"])[:-1], said("like these", *map(shown, ["gs://2", "gs://3", "gs://4"]))]
    assert images(edit(turns, references=[PHOTO])) == ["gs://1", "gs://4", PHOTO.url]


def test_result_may_be_spread_over_turns():
    turns = [said("a fox"), answered(shown("gs://1")), answered("and another", shown("gs://2")), TEMPLATE]
    assert images(edit(turns, picture_index=1)) == ["gs://1", "gs://2"]
    assert images(edit(turns, picture_index=0)) == ["gs://1"]


def test_thoughts_are_no_results():
    turns = [said("a fox"), answered(shown("gs://sketch", thought=True), shown("gs://1"), shown("gs://2")), TEMPLATE]
    assert images(edit(turns, picture_index=0)) == ["gs://sketch", "gs://1"]


@pytest.mark.parametrize(
    ("turns", "index"),
    [
        pytest.param(conversation(["gs://1"]), 1, id="fewer images than posted"),
        pytest.param(
            [*conversation(["gs://1"])[:-1], said("now a hat"), answered("Done."), TEMPLATE], 0, id="words only"
        ),
        pytest.param([said("a fox"), TEMPLATE], 0, id="no answer"),
    ],
)
def test_picture_that_the_history_lacks_is_sent_before_the_references(turns: list[Any], index: int):
    contents = edit(turns, picture=EDITED, picture_index=index, references=[SCARF])
    assert contents[-1] == said("make it night", shown(EDITED.url), shown(SCARF.url))
    assert next_turn(turns, prompt="x", aspect_ratio="1:1", references=[], picture=None, picture_index=index) is None


def test_other_files_are_no_images():
    sound = {"fileData": {"mimeType": "audio/wav", "fileUri": "gs://song"}}
    turns = [said("a fox", sound, sound, sound, shown("gs://0")), *conversation(["gs://1"])]
    assert images(edit(turns)) == ["gs://song", "gs://song", "gs://song", "gs://0", "gs://1"]


def test_snake_case_and_inline_images_count_and_stay_as_they_are():
    snake = {"inline_data": {"mime_type": "image/png", "data": "QQ=="}, "thought_signature": "s1"}
    file = {"file_data": {"mime_type": "image/png", "file_uri": "gs://2"}}
    inline = {"inlineData": {"mimeType": "image/png", "data": "Qg=="}, "thoughtSignature": "s2"}
    turns = [
        said("a fox", shown("gs://0")),
        answered(ANSWER, snake),
        said("a hat"),
        answered(file),
        said("x"),
        answered(inline),
    ]
    assert edit(turns) == [said("a fox"), *turns[1:], said("make it night")]


# -- parts and turns that fall away ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        pytest.param({"text": "", "thoughtSignature": "s"}, [{"text": "", "thoughtSignature": "s"}], id="signature"),
        pytest.param({"thoughtSignature": "s"}, [{"thoughtSignature": "s"}], id="bare signature"),
        pytest.param({"text": "", "thoughtSignature": None}, [], id="nothing but null"),
        pytest.param({}, [], id="nothing"),
        pytest.param({"text": None}, [], id="null text"),
        pytest.param({"fileData": {"mimeType": "image/png", "fileUri": ""}, "detail": "low"}, [], id="no file"),
        pytest.param({"file_data": {"mime_type": "image/png", "file_uri": ""}}, [], id="no file in snake_case"),
        pytest.param({"fileData": None, "inlineData": None}, [], id="null media"),
        pytest.param({"inlineData": {"mimeType": "image/png", "data": ""}}, [], id="no bytes"),
        pytest.param(
            {"text": "hm", "fileData": {"fileUri": ""}, "x": 1}, [{"text": "hm", "x": 1}], id="words beside no file"
        ),
        pytest.param({"functionCall": {"name": "f"}}, [{"functionCall": {"name": "f"}}], id="unknown part"),
        pytest.param("a bare string", ["a bare string"], id="no object"),
        pytest.param(None, [None], id="null part"),
    ],
)
def test_empty_part_falls_away_and_nothing_else(part: Any, expected: list[Any]):
    turns = [said("a fox"), answered(ANSWER, part, shown("gs://1")), TEMPLATE]
    assert edit(turns) == [said("a fox"), answered(ANSWER, *expected, shown("gs://1")), said("make it night")]


def test_dropped_image_takes_its_description_along_but_no_words():
    signed = shown("gs://old", thoughtSignature="s1")
    captioned = shown("gs://older", text="my cat", thoughtSignature="s2")
    turns = [said("a", captioned), answered(signed), *conversation(["gs://1"], ["gs://2"], ["gs://3"])]
    assert edit(turns)[:2] == [said("a", {"text": "my cat", "thoughtSignature": "s2"}), said("wish 0")]


@pytest.mark.parametrize("empty", [said(), said(""), {"role": "model"}, {"role": "model", "parts": None}, answered({})])
def test_turn_without_parts_falls_away(empty: Any):
    turns = conversation(["gs://1"])
    assert edit([turns[0], empty, *turns[1:]]) == edit(turns)


def test_turn_of_unknown_shape_stays():
    odd = {"role": "model", "content": "hello"}
    assert edit([odd, *conversation(["gs://1"])])[0] == odd


# -- histories that cannot be built on -------------------------------------------------------------------------------


@pytest.mark.parametrize("garbage", [None, {}, "contents", 3, [], [None], ["a fox"], [said("a fox"), 7]])
def test_what_is_no_history_is_not_built_on(garbage: Any):
    assert next_history(garbage) is None
    assert next_turn(garbage, prompt="x", aspect_ratio="1:1", references=[], picture=EDITED) is None


@pytest.mark.parametrize(
    "turns", [[said("a fox", shown("gs://1"))], [said("a fox"), answered("I can't draw that."), TEMPLATE]]
)
def test_history_without_an_image_of_the_model_is_none(turns: list[Any]):
    assert next_history(turns) is None


def test_history_comes_back_as_it_is():
    turns = [said("a fox"), answered({"inline_data": {"data": "QQ=="}}, turnId="t1"), TEMPLATE]
    assert next_history(turns) == copy.deepcopy(turns)


def test_history_too_heavy_to_send_is_not_built_on():
    def turns(size: int) -> list[Any]:
        return [said("a fox"), answered({"inlineData": {"mimeType": "image/png", "data": "A" * size}})]

    assert edit(turns(MAX_CONTENTS - 1000))
    assert next_turn(turns(MAX_CONTENTS), prompt="x", aspect_ratio="1:1", references=[], picture=None) is None


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "odd", ["half a character \ud83d", float("nan"), nested(100_000)], ids=["surrogate", "nan", "deep"]
)
def test_history_that_is_not_json_is_not_built_on(odd: Any):
    turns = [said("a fox"), answered(shown("gs://1"), odd=odd)]
    assert next_turn(turns, prompt="x", aspect_ratio="1:1", references=[], picture=None) is None


# -- any history -----------------------------------------------------------------------------------------------------

any_history = settings(deadline=None, max_examples=150)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words, lambda v: st.lists(v, max_size=2), max_leaves=3
)
unknown = st.dictionaries(st.sampled_from(["thoughtSignature", "thought", "x_meta", "id"]), values, max_size=2)
addresses = st.uuids().map(lambda uuid: f"gs://bucket/{uuid}.png")
media = st.one_of(
    st.builds(lambda uri: {"fileData": {"mimeType": "image/png", "fileUri": uri}}, addresses | st.just("")),
    st.builds(lambda uri: {"file_data": {"mime_type": "image/webp", "file_uri": uri}}, addresses | st.just("")),
    st.builds(lambda uri: {"inlineData": {"mimeType": "image/png", "data": uri}}, addresses | st.just("")),
    st.builds(lambda uri: {"inline_data": {"data": uri}}, addresses | st.just("")),
)
parts = st.one_of(
    st.builds(lambda text, beside: {"text": text, **beside}, words, unknown),
    st.builds(lambda found, beside: {**found, **beside}, media, unknown),
    st.builds(lambda found, text: {"text": text, **found}, media, words),
    unknown,
    st.sampled_from([None, 3, "bare", {"functionCall": {"name": "zoom"}}]),
)
roles = st.sampled_from(["user", "model", "user", "model", "function", "system"])
turns_of_any_kind = st.builds(
    lambda role, its_parts, beside: {"role": role, "parts": its_parts, **beside},
    roles,
    st.lists(parts, max_size=5),
    unknown,
) | st.sampled_from([TEMPLATE, {"parts": [{"text": "no role"}]}, {"role": "model", "parts": "odd"}, {"role": "user"}])
histories = st.lists(turns_of_any_kind, min_size=1, max_size=8)
references = st.lists(st.sampled_from([PHOTO, SCARF]), max_size=2)
tails = st.sampled_from([[], [TEMPLATE]])
NEW = "NEW WORDS"


def texts(turns: list[Any]) -> list[str]:
    """Everything that is said, in order; blank texts say nothing."""
    found = [part.get("text") for part in parts_of(turns) if isinstance(part, dict)]
    return [text for text in found if text and text.strip()]


def beside_media(turns: list[Any]) -> list[Any]:
    """Every part that is not there for a picture alone, without its picture: what must come through unchanged."""
    found = []
    for part in parts_of(turns):
        rest = {key: value for key, value in part.items() if key not in MEDIA} if isinstance(part, dict) else part
        lone = isinstance(rest, dict) and not rest.get("text")
        if lone and (len(rest) < len(part) or all(rest[key] is None for key in rest.keys() - {"text"})):
            continue
        found.append(rest)
    return found


@any_history
@given(histories, references, st.integers(0, 3))
@example([TEMPLATE], [], 0)
def test_any_history_is_composed_by_the_rules(turns: list[Any], refs: list[Source], index: int):
    before = copy.deepcopy(turns)
    payload = next_turn(turns, prompt=NEW, aspect_ratio="16:9", references=refs, picture=EDITED, picture_index=index)
    assert turns == before, "the stored history is left as it is"
    assert payload is not None
    assert payload.keys() == {"contents", "aspect_ratio"}
    assert payload["aspect_ratio"] == "16:9"
    contents = payload["contents"]

    assert texts(contents) == [*texts(before), NEW], "every word in its order, the new ones last"
    last = contents[-1]
    assert last["role"] == "user"
    added = [part["fileData"]["fileUri"] for part in last["parts"][len(last["parts"]) - len(refs) :]]
    assert added == [ref.url for ref in refs]

    assert len(images(contents)) <= 3
    assert set(images(contents)) <= {*images(before), EDITED.url, *added}
    assert all(turn.get("parts") != [] for turn in contents)
    for part in parts_of(contents):
        assert part not in ({}, {"text": ""}, {"text": None})
        for key in MEDIA if isinstance(part, dict) else ():
            assert key not in part or images([{"parts": [{key: part[key]}]}]), "a media part names its picture"


@any_history
@given(histories, references)
def test_any_history_keeps_what_is_not_known(turns: list[Any], refs: list[Source]):
    assume(turns[-1].get("role") != "user")  # there the new words may stand in a part of the template
    contents = edit(turns, NEW, references=refs, picture=EDITED)
    assert beside_media(contents[:-1]) == beside_media(turns)
    heads = [{key: value for key, value in turn.items() if key != "parts"} for turn in turns]
    for turn in contents[:-1]:
        head = {key: value for key, value in turn.items() if key != "parts"}
        assert head in heads, "a turn's own keys are untouched"
        heads = heads[heads.index(head) + 1 :]


@any_history
@given(histories, st.lists(addresses, min_size=1, max_size=4, unique=True), references, tails, st.data())
def test_any_history_keeps_the_edited_picture_as_the_last_of_its_result(
    older: list[Any], result: list[str], refs: list[Source], tail: list[Any], data: st.DataObject
):
    index = data.draw(st.integers(0, len(result) - 1))
    turns = [*older, said("the last wish"), answered(ANSWER, *map(shown, result)), *tail]
    kept = images(edit(turns, NEW, references=refs, picture_index=index))
    history = kept[: len(kept) - len(refs)]
    assert history[-1] == result[index]
    candidates = [*images(older), *result[: index + 1]]
    room = 3 - len(refs)
    assert history == candidates[-room:], "the newest of the older images fill what room is left"


@any_history
@given(st.lists(st.tuples(words.filter(str.strip), references, st.integers(1, 3)), min_size=1, max_size=8), tails)
def test_conversation_goes_on_for_ever(rounds: list[tuple[str, list[Source], int]], tail: list[Any]):
    """What was sent comes back as the next history, as the queue does it."""
    turns: list[Any] = [said("a fox"), answered(ANSWER, shown("gs://start", thoughtSignature="s"), turnId="t1")]
    expected = texts(turns)
    for number, (wish, refs, count) in enumerate(rounds):
        history = next_history([*turns, *tail])
        assert history is not None
        contents = edit(history, wish, references=refs)
        expected += [wish, ANSWER["text"]]
        assert len(images(contents)) <= 3
        result = [shown(f"gs://{number}/{place}", thoughtSignature="s") for place in range(count)]
        turns = json.loads(json.dumps([*contents, answered(ANSWER, *result)]))
    assert texts(turns) == expected

"""May these buttons, rows, galleries and forms stand together?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.emulators.discord.check_embeds import check_list, check_string, too_long
from tests.emulators.discord.messages import walk
from tests.emulators.discord.refusals import Json, Refusal, invalid, invalid_length, not_a_choice, required

ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
SELECTS = frozenset({3, 5, 6, 7, 8})
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL, UPLOAD = 9, 10, 11, 12, 13, 14, 17, 18, 19
RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 21, 22, 23
IN_CONTAINER = frozenset({ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR})
TOP_V2 = IN_CONTAINER | {CONTAINER}
IN_LABEL = SELECTS | {TEXT_INPUT, UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX}
IN_MODAL = frozenset({ROW, TEXT, LABEL})
LINK, PREMIUM = 5, 6  # styles of buttons
MAX_ROWS, MAX_V2, MAX_V2_TEXT, MAX_MODAL = 5, 40, 4000, 5


def read_components(fields: Json, *, v2: bool) -> list[Json]:
    """The components of a message, judged, with an id each."""
    components: list[Json] = check_list("components", fields.get("components") or [], MAX_V2)
    if not v2 and len(components) > MAX_ROWS:
        raise too_long("components", MAX_ROWS)
    for number, component in enumerate(components):
        _check_top(f"components.{number}", component, TOP_V2 if v2 else frozenset({ROW}))
    if v2:
        _check_v2(components)
    return _with_ids(components)


def read_modal(data: Any) -> Json:
    """A form, judged, with an id for each component."""
    if not isinstance(data, dict):
        raise required("data")
    check_string("data.custom_id", data.get("custom_id", ""), 100, least=1)
    check_string("data.title", data.get("title", ""), 45, least=1)
    components: list[Json] = check_list("data.components", data.get("components"), MAX_MODAL)
    if not components:
        raise invalid_length("data.components", 1, MAX_MODAL)
    for number, component in enumerate(components):
        path = f"data.components.{number}"
        _one_of(path, component, IN_MODAL)
        match component["type"]:
            case 1:
                inner = _children(path, component, 1, 1)
                _one_of(f"{path}.components.0", inner[0], frozenset({TEXT_INPUT}))
                check_string(f"{path}.components.0.label", inner[0].get("label", ""), 45, least=1)
                _check_input(f"{path}.components.0", inner[0])
            case 18:
                _check_label(path, component)
            case 10:
                check_string(f"{path}.content", component.get("content", ""), 4000, least=1)
    return {**data, "components": _with_ids(components)}


# -- messages ----------------------------------------------------------------------------------------------------


def _check_top(path: str, component: Json, allowed: frozenset[int]) -> None:
    _one_of(path, component, allowed)
    _CHECKS[component["type"]](path, component)


def _check_row(path: str, row: Json) -> None:
    children = _children(path, row, 1, 5)
    if any(child.get("type") in SELECTS for child in children) and len(children) > 1:
        raise invalid(
            f"{path}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width"
        )
    for number, child in enumerate(children):
        _one_of(f"{path}.components.{number}", child, SELECTS | {BUTTON})
        if child["type"] == BUTTON:
            _check_button(f"{path}.components.{number}", child)
        else:
            _check_select(f"{path}.components.{number}", child)


def _check_button(path: str, button: Json) -> None:
    style = button.get("style")
    if style not in range(1, 7):
        raise not_a_choice(f"{path}.style", "(1, 2, 3, 4, 5, 6)")
    if button.get("label") is not None:
        check_string(f"{path}.label", button["label"], 80)
    if style == LINK:
        if button.get("custom_id") is not None:
            raise invalid(path, "BUTTON_COMPONENT_CUSTOM_ID_AND_URL", "A custom id and url cannot both be specified")
        check_string(f"{path}.url", button.get("url", ""), 512, least=1)
    elif style != PREMIUM:
        if button.get("url") is not None:
            raise invalid(path, "BUTTON_COMPONENT_CUSTOM_ID_AND_URL", "A custom id and url cannot both be specified")
        _check_custom_id(path, button)
    if style != PREMIUM and not button.get("label") and not button.get("emoji"):
        raise invalid(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A label or emoji is required")


def _check_select(path: str, select: Json) -> None:
    _check_custom_id(path, select)
    if select.get("placeholder") is not None:
        check_string(f"{path}.placeholder", select["placeholder"], 150)
    if select["type"] == STRING_SELECT:
        options = check_list(f"{path}.options", select.get("options"), 25)
        if not options:
            raise invalid_length(f"{path}.options", 1, 25)
        for number, option in enumerate(options):
            for key in ("label", "value"):
                check_string(f"{path}.options.{number}.{key}", option.get(key, ""), 100, least=1)


def _check_section(path: str, section: Json) -> None:
    for number, child in enumerate(_children(path, section, 1, 3)):
        _check_top(f"{path}.components.{number}", child, frozenset({TEXT}))
    accessory = section.get("accessory")
    if accessory is None:
        raise required(f"{path}.accessory")
    _check_top(f"{path}.accessory", accessory, frozenset({BUTTON, THUMBNAIL}))


def _check_text(path: str, text: Json) -> None:
    check_string(f"{path}.content", text.get("content", ""), MAX_V2_TEXT, least=1)


def _check_thumbnail(path: str, thumbnail: Json) -> None:
    _check_media(f"{path}.media", thumbnail.get("media"))
    _check_description(path, thumbnail)


def _check_gallery(path: str, gallery: Json) -> None:
    items = check_list(f"{path}.items", gallery.get("items"), 10)
    if not items:
        raise invalid_length(f"{path}.items", 1, 10)
    for number, item in enumerate(items):
        _check_media(f"{path}.items.{number}.media", item.get("media"))
        _check_description(f"{path}.items.{number}", item)


def _check_file(path: str, file: Json) -> None:
    _check_media(f"{path}.file", file.get("file"))
    if not file["file"]["url"].startswith("attachment://"):
        raise invalid(f"{path}.file.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('attachment',).")


def _check_container(path: str, container: Json) -> None:
    for number, child in enumerate(_children(path, container, 1, MAX_V2)):
        _check_top(f"{path}.components.{number}", child, IN_CONTAINER)


_CHECKS: dict[int, Callable[[str, Json], None]] = {
    ROW: _check_row,
    BUTTON: _check_button,
    SECTION: _check_section,
    TEXT: _check_text,
    THUMBNAIL: _check_thumbnail,
    GALLERY: _check_gallery,
    FILE: _check_file,
    SEPARATOR: lambda _path, _separator: None,
    CONTAINER: _check_container,
}


def _check_v2(components: list[Json]) -> None:
    everything = list(walk(components))
    if len(everything) > MAX_V2:
        raise invalid("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", f"Must be {MAX_V2} or fewer in total.")
    if sum(len(part["content"]) for part in everything if part["type"] == TEXT) > MAX_V2_TEXT:
        raise invalid(
            "components",
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            f"The displayable text exceeds {MAX_V2_TEXT} characters",
        )


# -- forms -------------------------------------------------------------------------------------------------------


def _check_label(path: str, label: Json) -> None:
    check_string(f"{path}.label", label.get("label", ""), 45, least=1)
    if label.get("description") is not None:
        check_string(f"{path}.description", label["description"], 100, least=1)
    component = label.get("component")
    if component is None:
        raise required(f"{path}.component")
    path = f"{path}.component"
    _one_of(path, component, IN_LABEL)
    if component["type"] == TEXT_INPUT:
        _check_input(path, component)
    elif component["type"] == UPLOAD:
        _check_custom_id(path, component)
        low, high = stated(component, "min_values", 1), stated(component, "max_values", 1)
        if not 0 <= low <= 10 or not 1 <= high <= 10 or low > high:
            raise invalid(
                f"{path}.max_values", "NUMBER_TYPE_RANGE", "min_values is 0 to 10, max_values 1 to 10 and not less."
            )
    elif component["type"] in SELECTS:
        _check_select(path, component)
    else:
        _check_custom_id(path, component)


def _check_input(path: str, component: Json) -> None:
    _check_custom_id(path, component)
    if component.get("style") not in {1, 2}:
        raise not_a_choice(f"{path}.style", "(1, 2)")
    if component.get("placeholder") is not None:
        check_string(f"{path}.placeholder", component["placeholder"], 100)
    low, high = stated(component, "min_length", 0), stated(component, "max_length", 4000)
    if not 0 <= low <= 4000 or not 1 <= high <= 4000 or low > high:
        raise invalid(
            f"{path}.max_length", "NUMBER_TYPE_RANGE", "Lengths are 0 to 4000, and the least not above the most."
        )
    if component.get("value"):
        check_string(f"{path}.value", component["value"], high)


# -- both --------------------------------------------------------------------------------------------------------


def stated(component: Json, key: str, default: int) -> int:
    """A number that may be left out, or be null."""
    value = component.get(key)
    return default if value is None else int(value)


def _one_of(path: str, component: Any, allowed: frozenset[int]) -> None:
    if not isinstance(component, dict) or component.get("type") not in allowed:
        raise not_a_choice(f"{path}.type", tuple(sorted(allowed)))


def _children(path: str, component: Json, low: int, high: int) -> list[Json]:
    children: list[Json] = check_list(f"{path}.components", component.get("components"), high)
    if len(children) < low:
        raise invalid_length(f"{path}.components", low, high)
    return children


def _check_custom_id(path: str, component: Json) -> None:
    if component.get("custom_id") is None:
        raise required(f"{path}.custom_id")
    if not 1 <= len(check_string(f"{path}.custom_id", component["custom_id"], 10**6)) <= 100:
        raise invalid_length(f"{path}.custom_id", 1, 100)


def _check_media(path: str, media: Any) -> None:
    if not isinstance(media, dict):
        raise required(path)
    url = check_string(f"{path}.url", media.get("url", ""), 2048, least=1)
    if not url.startswith(("http://", "https://", "attachment://")):
        raise invalid(
            f"{path}.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https', 'attachment')."
        )


def _check_description(path: str, item: Json) -> None:
    if item.get("description") is not None:
        check_string(f"{path}.description", item["description"], 1024)


def _with_ids(components: list[Json]) -> list[Json]:
    """Give an id to each component that has none; refuse ids and custom_ids that stand twice."""
    everything = list(walk(components))
    given = [part["id"] for part in everything if part.get("id")]
    custom = [part["custom_id"] for part in everything if part.get("custom_id")]
    if len(set(given)) < len(given):
        raise _twice("COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")
    if len(set(custom)) < len(custom):
        raise _twice("COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
    free = iter(number for number in range(1, 1000) if number not in given)
    for part in everything:
        if not part.get("id"):
            part["id"] = next(free)
    return components


def _twice(code: str, message: str) -> Refusal:
    return invalid("components", code, message)

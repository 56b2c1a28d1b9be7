"""Does the playground do in a real browser what it promises to people?"""

import re

import pytest
from playwright.sync_api import expect, sync_playwright

from tests import browser
from tests.e2e.demo import Demo
from tests.e2e.window import Window, a_png

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

# What a browser itself logs as an error: a refused upload, a page that is not there, and a connection that a killed bot or a navigation broke.
EXPECTED = re.compile(r"status of 4(?:04|22)|ERR_CONNECTION_|ERR_EMPTY_RESPONSE|WebSocket connection")
MARKUP = "<img src=x onerror='window.hurt=1'> **bold** <b>tag</b> [link](javascript:window.hurt=1) {{ 7*7 }}"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("demo"), latency="0.1-0.2")
    running.start()
    yield running
    running.stop()
    assert "Traceback" not in "".join(running.output)


@pytest.fixture(scope="module")
def chromium():
    expect.set_options(timeout=20_000)  # a guard for busy machines: nothing is measured by it
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browser.find(), args=browser.launch_args())
        yield launched
        launched.close()


@pytest.fixture
def window(chromium, demo):
    """Opens windows of different people: `window()`, `window(phone=True)`. Each asks only the bot, and logs no error."""
    contexts, asked, errors = [], [], []

    def opened(*, at=demo, dark=True, phone=False):
        context = chromium.new_context(
            viewport=PHONE if phone else WIDE,
            is_mobile=phone,
            has_touch=phone,
            device_scale_factor=2 if phone else 1,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(20_000)
        context.on("request", lambda request: asked.append(request.url))
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        contexts.append(context)
        return Window(context.new_page(), at.address)

    yield opened
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))] == []
    assert [error for error in errors if not EXPECTED.search(error)] == []


def test_a_picture_is_asked_for_with_a_pasted_reference_and_edited_by_replying(window):
    ann = window().opens()
    ann.photographs("first-visit-dark")
    ann.comes_in_as("Ann")
    ann.photographs("empty-channel-dark")
    ann.pastes(ann.new_picture, ("harbour.png", "image/png", a_png("teal")))
    ann.has_attached(1)
    ann.imagines("a fox in this harbour --ar 3:2")
    first = ann.sees_picture(1, of="a fox in this harbour")
    expect(ann.version(1).get_by_role("img", name="Reference: harbour.png")).to_be_visible()
    expect(ann.page).to_have_url(re.compile(r"/t/[0-9a-z]{16}$"))
    expect(ann.new_picture).to_have_value("")

    ann.replies("make it night")
    second = ann.sees_picture(2, of="make it night")
    assert second != first
    expect(ann.version(2)).to_contain_text("built on version 1")
    expect(ann.version(2)).to_contain_text("newest")
    card = ann.page.locator(".card", has_text="a fox in this harbour")
    expect(card).to_contain_text("2 versions")
    expect(card.get_by_role("img", name="make it night")).to_be_visible()
    ann.photographs("thread-dark")


def test_reply_to_this_version_branches(window):
    ann = window(dark=False).opens().comes_in_as("Ann")
    ann.imagines("a boat").sees(1, "done")
    ann.replies("paint it red").sees(2, "done")
    ann.version(1).get_by_role("button", name="Reply to this version").click()
    expect(ann.page.locator(".branch")).to_have_text("building on version 1")
    ann.page.get_by_role("button", name="Build on the newest picture instead").click()
    expect(ann.page.locator(".branch")).to_have_count(0)
    ann.version(1).get_by_role("button", name="Reply to this version").click()
    ann.photographs("branching-light")
    ann.replies("paint it blue").sees(3, "done")
    expect(ann.version(3)).to_contain_text("built on version 1")
    expect(ann.page.locator(".branch")).to_have_count(0)
    ann.replies("add a sail").sees(4, "done")
    expect(ann.version(4)).to_contain_text("built on version 3")


def test_failure_is_told_in_the_bots_own_sentence_and_can_be_tried_again(window):
    ann = window(dark=False).opens().comes_in_as("Ann")
    ann.imagines("something awful [fail:safety]")
    failed = ann.sees(1, "failed")
    expect(failed.locator(".failure")).to_have_text(re.compile("^The picture service refused this .* ask again.$"))
    ann.photographs("failure-light")
    failed.get_by_role("button", name="Try again").dblclick()
    ann.sees(2, "failed")
    expect(ann.versions()).to_have_count(2)
    expect(ann.reply).to_have_attribute("placeholder", "Describe a picture to begin this thread anew")
    card = ann.page.locator(".card", has_text="something awful")
    expect(card).to_contain_text("did not work")
    expect(card).not_to_contain_text("version")
    ann.replies("something nice").sees(3, "done")
    expect(ann.version(3)).to_contain_text("Version 1")
    expect(card).to_contain_text("1 version")
    expect(ann.reply).to_have_attribute("placeholder", "Reply to edit the newest picture")


def test_an_aside_is_left_alone_in_both_boxes(window):
    ann = window().opens().comes_in_as("Ann")
    ann.imagines("// what shall we paint?")
    ann.is_told("begins with //", "Take the // off")
    expect(ann.new_picture).to_have_value("// what shall we paint?")
    ann.imagines("a heron at dawn").sees(1, "done")
    ann.replies("//lovely")
    ann.is_told("begins with //")
    expect(ann.reply).to_have_value("//lovely")
    expect(ann.versions()).to_have_count(1)


def test_refusal_is_private_and_keeps_what_was_typed_and_attached(window):
    ann = window().opens().comes_in_as("Ann")
    ann.drops(ann.page.locator(".channel"), ("one.png", "image/png", a_png("red")))
    ann.has_attached(1)
    ann.imagines("a fox --ar 7:5")
    ann.is_told("7:5", "16:9 or 21:9")
    ann.photographs("refused-dark")
    expect(ann.new_picture).to_have_value("a fox --ar 7:5")
    ann.has_attached(1)
    ann.page.locator(".channel").get_by_role("button", name=re.compile("^Aspect ratio")).click()
    ann.page.get_by_role("button", name="5:4").click()
    expect(ann.new_picture).to_have_value("a fox --ar 5:4")
    ann.new_picture.press("Enter")
    ann.sees(1, "done")
    expect(ann.version(1).get_by_role("img", name="Reference: one.png")).to_be_visible()


def test_pictures_that_cannot_be_used_are_refused_at_once(window):
    ann = window().opens().comes_in_as("Ann")
    four = [(f"{n}.png", "image/png", a_png("red")) for n in range(4)]
    ann.pastes(ann.new_picture, *four)
    ann.is_told("up to 3 pictures")
    ann.has_attached(3)
    ann.page.get_by_role("button", name="Remove 1.png").click()
    ann.has_attached(2)
    picker = ann.page.locator(".channel input[type=file]")
    picker.set_input_files({"name": "notes.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"})
    ann.is_told("notes.pdf", "is a PDF")
    picker.set_input_files({"name": "empty.png", "mimeType": "image/png", "buffer": b""})
    ann.is_told("empty.png is empty")
    picker.set_input_files({"name": "letter.jpg", "mimeType": "image/jpeg", "buffer": b"Dear Ann,"})
    ann.is_told("letter.jpg", "not a picture that I can read")
    ann.has_attached(2)
    ann.new_picture.evaluate(
        """box => { const clipboardData = new DataTransfer();
             clipboardData.items.add(new File([new Uint8Array(30000001)], "huge.png", { type: "image/png" }));
             box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true })); }"""
    )
    ann.is_told("huge.png has 30.0 MB")
    ann.has_attached(2)


def test_draft_and_thread_survive_a_reload(window):
    ann = window().opens().comes_in_as("Ann")
    ann.imagines("a mill").sees(1, "done")
    ann.reply.fill("with a stork")
    ann.pastes(ann.reply, ("stork.png", "image/png", a_png("white")))
    ann.has_attached(1)
    ann.version(1).get_by_role("button", name="Reply to this version").click()
    ann.page.reload()
    expect(ann.reply).to_have_value("with a stork")
    expect(ann.page.locator(".branch")).to_have_text("building on version 1")
    ann.has_attached(1)
    ann.reply.press("Enter")
    ann.sees(2, "done")
    expect(ann.version(2).get_by_role("img", name="Reference: stork.png")).to_be_visible()


def test_enter_pressed_again_and_again_asks_once(window):
    ann = window().opens().comes_in_as("Ann")
    ann.new_picture.fill("a single plum")
    ann.new_picture.evaluate(
        """box => { for (let n = 0; n < 3; n++)
             box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true })); }"""
    )
    ann.sees(1, "done")
    expect(ann.page.locator(".card", has_text="a single plum")).to_have_count(1)


def test_two_windows_see_each_others_work_and_keep_half_typed_words(window):
    ann, bo = window().opens().comes_in_as("Ann"), window().opens().comes_in_as("Bo")
    bo.new_picture.fill("half a thou")
    ann.imagines("a shared tree [slow:1]")
    card = bo.page.locator(".card", has_text="a shared tree")
    expect(card).to_contain_text("Painting")
    expect(bo.new_picture).to_have_value("half a thou")
    expect(bo.new_picture).to_be_focused()
    card.click()
    bo.sees(1, "done")
    expect(bo.version(1)).to_contain_text("Ann")
    expect(bo.version(1).get_by_role("button", name="Delete")).to_have_count(0)
    ann.reply.fill("and now som")
    bo.replies("in autumn").sees(2, "done")
    ann.sees_picture(2, of="in autumn")
    expect(ann.version(2)).to_contain_text("Bo")
    expect(ann.reply).to_have_value("and now som")
    expect(ann.reply).to_be_focused()


def test_waiting_can_be_cancelled_and_a_picture_deleted(window):
    ann = window().opens().comes_in_as("Ann")
    ann.imagines("a slow snail [slow:600]").sees(1, "painting")
    ann.photographs("painting-dark")
    ann.version(1).get_by_role("button", name="Cancel").click()
    ann.sees(1, "cancelled")
    ann.is_told("Cancelled.")
    ann.replies("a quick hare").sees(2, "done")
    address = ann.sees_picture(2, of="a quick hare")
    ann.version(2).get_by_role("button", name="Delete").click()
    ann.page.get_by_role("button", name="Keep it").click()
    expect(ann.page.get_by_role("alertdialog")).to_have_count(0)
    ann.sees(2, "done")
    ann.version(2).get_by_role("button", name="Delete").click()
    ann.page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    ann.sees(2, "deleted")
    assert ann.page.request.get(ann.page.url.split("/t/")[0] + address).status == 404


def test_what_people_type_is_never_markup(window):
    ann = window().opens().comes_in_as("<b>Ann</b>")
    ann.imagines(MARKUP).sees(1, "done")
    prompt = ann.version(1).locator(".turn-prompt")
    expect(prompt).to_have_text(MARKUP)
    assert prompt.evaluate("element => element.children.length") == 0
    expect(ann.version(1).locator(".who")).to_have_text("<b>Ann</b>")
    ann.sees_picture(1, of=MARKUP)
    ann.opens("/operator")
    expect(ann.page.get_by_role("link", name=MARKUP)).to_be_visible()
    ann.page.get_by_role("link", name=MARKUP).click()
    expect(ann.page.locator(".job-prompt")).to_have_text(MARKUP)
    assert ann.page.evaluate("window.hurt") is None


def test_everything_works_on_a_phone(window):
    ann = window(phone=True).opens().comes_in_as("Ann")
    ann.imagines("a paper lantern --ar 2:3")
    ann.sees_picture(1, of="a paper lantern")
    expect(ann.new_picture).to_be_hidden()
    ann.photographs("phone-thread-dark")
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert ann.page.evaluate(fits)
    ann.page.get_by_role("button", name="Back to the channel").click()
    expect(ann.new_picture).to_be_visible()
    expect(ann.page).to_have_url(re.compile(r"/c/general$"))
    ann.photographs("phone-channel-dark")
    assert ann.page.evaluate(fits)
    ann.page.go_back()
    expect(ann.version(1)).to_be_visible()
    ann.opens("/operator")
    expect(ann.page.get_by_role("link", name="a paper lantern")).to_be_visible()
    ann.photographs("phone-operator-dark")
    assert ann.page.evaluate(fits)


def test_keyboard_alone_is_enough(window):
    ann = window().opens().comes_in_as("Ann")
    ann.page.keyboard.type("a brass key")
    ann.page.keyboard.press("Shift+Enter")
    ann.page.keyboard.type("on velvet")
    expect(ann.new_picture).to_have_value("a brass key\non velvet")
    ann.page.keyboard.press("Enter")
    ann.sees_picture(1, of="a brass key\non velvet")
    expect(ann.reply).to_be_focused()
    for _ in range(12):
        ann.page.keyboard.press("Shift+Tab")
        if ann.page.evaluate("document.activeElement.className") == "print-link":
            break
    ring = "getComputedStyle(document.activeElement).outlineStyle"
    assert ann.page.evaluate("document.activeElement.className") == "print-link"
    assert ann.page.evaluate(ring) == "solid"
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_role("dialog", name="Picture in full size")).to_be_visible()
    ann.page.keyboard.press("Escape")
    expect(ann.page.get_by_role("dialog", name="Picture in full size")).to_be_hidden()


def test_channels_keep_their_threads_apart(window):
    ann = window().opens().comes_in_as("Ann")
    ann.page.get_by_label("New channel").fill("///")
    ann.page.get_by_label("New channel").press("Enter")
    expect(ann.page.get_by_text("A channel's name needs at least one letter or digit.")).to_be_visible()
    expect(ann.page.get_by_label("New channel")).to_have_value("///")
    ann.page.get_by_label("New channel").fill("Über Nacht!")
    ann.page.get_by_label("New channel").press("Enter")
    expect(ann.page).to_have_url(re.compile("/c/%C3%BCber-nacht$"))
    expect(ann.page.get_by_role("heading", name="# über-nacht")).to_be_visible()
    ann.imagines("an owl in the dark").sees(1, "done")
    expect(ann.page.locator(".card", has_text="an owl in the dark")).to_be_visible()
    ann.page.get_by_role("link", name="# general").click()
    expect(ann.page.get_by_role("heading", name="# general")).to_be_visible()
    expect(ann.page.locator(".card", has_text="an owl in the dark")).to_have_count(0)
    ann.page.go_back()
    expect(ann.version(1)).to_contain_text("an owl in the dark")
    expect(ann.page).to_have_title("an owl in the dark · Darkroom")
    ann.page.go_back()
    expect(ann.page.get_by_role("heading", name="# über-nacht")).to_be_visible()
    expect(ann.versions()).to_have_count(0)
    bo = window().opens()
    bo.page.get_by_role("link", name="# über-nacht").click()
    expect(bo.page.locator(".card", has_text="an owl in the dark")).to_be_visible()


def test_an_address_that_leads_nowhere_shows_the_way_back(window, demo):
    ann = window()
    answer = ann.page.request.get(f"{demo.address}/no/such/page")
    assert answer.status == 404
    assert ann.page.request.get(f"{demo.address}/operator/").url == f"{demo.address}/operator"
    outside = ann.page.request.get(f"{demo.address}//example.org/", max_redirects=0)
    assert outside.headers["location"] == "/example.org", "the way back never leads out"
    ann.opens("/no/such/page")
    expect(ann.page.get_by_role("heading", name="There is no such page")).to_be_visible()
    assert ann.page.locator("main").count() == 1
    ann.page.get_by_role("link", name="To the first page", exact=True).click()
    expect(ann.page.get_by_role("heading", name="# general")).to_be_visible()


def test_light_and_dark_follow_the_system_until_somebody_chooses(window):
    ann = window(dark=False).opens()
    theme = ann.page.locator("html")
    expect(theme).to_have_attribute("data-theme", "light")
    ann.page.emulate_media(color_scheme="dark")
    expect(theme).to_have_attribute("data-theme", "dark")
    ann.page.get_by_role("button", name="Light or dark").click()
    expect(theme).to_have_attribute("data-theme", "light")
    ann.page.reload()
    expect(theme).to_have_attribute("data-theme", "light")


def test_operator_finds_follows_cancels_and_repeats_a_job(window):
    ann, boss = window().opens().comes_in_as("Ann"), window(dark=False).opens("/operator")
    expect(boss.page.get_by_text("Ready", exact=True)).to_be_visible()
    ann.imagines("a lost kite [slow:600]").sees(1, "painting")
    row = boss.page.get_by_role("row").filter(has_text="a lost kite")
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("Ann")
    boss.page.get_by_role("button", name="Done").click()
    expect(row).to_have_count(0)
    boss.page.get_by_role("button", name="All").click()
    boss.page.get_by_label("Words in the prompt").fill("KITE")
    expect(boss.page.locator("tbody tr")).to_have_count(1)
    boss.photographs("operator-light")
    row.get_by_role("link").click()
    expect(boss.page.locator(".history")).to_contain_text("sending to the queue")
    expect(boss.page.locator(".json").first).to_contain_text('"prompt": "a lost kite')
    expect(boss.page.get_by_text("Vendor's request")).to_be_visible()
    boss.page.get_by_role("button", name="Cancel this job").click()
    expect(boss.page.locator(".job-head .pill")).to_have_text("cancelled")
    ann.sees(1, "cancelled")
    boss.photographs("operator-job-light")
    boss.page.get_by_role("button", name="Ask again").click()
    expect(boss.page.locator(".job-head .pill")).to_have_text("running")
    ann.sees(2, "painting")
    ann.version(2).get_by_role("button", name="Cancel").click()
    expect(boss.page.locator(".job-head .pill")).to_have_text("cancelled")


def test_operator_sees_the_figures_grow(window):
    boss = window(dark=False).opens("/operator")
    boss.page.get_by_role("link", name="Figures").click()
    ann = window().opens().comes_in_as("Ann")
    ann.imagines("a counted cat").sees(1, "done")
    completed = boss.page.locator(".tile").filter(has_text="Completed").locator(".tile-value")
    expect(completed).to_have_text(re.compile("[1-9]"))
    before = int(completed.inner_text())
    chart = boss.page.get_by_role("figure").filter(has=boss.page.get_by_role("heading", name="Completed and failed"))
    chart.get_by_text("As a table").click()
    newest = chart.get_by_role("row").nth(1)
    expect(newest).to_contain_text(re.compile(r"^\d\d:\d\d to \d\d:\d\d"))
    plot = chart.get_by_role("slider")
    plot.focus()
    boss.page.keyboard.press("End")
    ann.imagines("another one [slow:0.1]")
    expect(completed).to_have_text(str(before + 1))
    expect(chart).to_contain_text(f"{before + 1} completed")
    expect(plot).to_be_focused()
    expect(plot).to_have_attribute("aria-valuetext", re.compile("Completed [1-9]"))
    expect(newest).to_be_visible()  # the table stays unfolded
    expect(boss.page.locator(".bills tbody")).to_contain_text("$0.0")
    expect(boss.page.locator(".tile").filter(has_text="Estimated cost")).to_contain_text("$")
    boss.photographs("operator-figures-light")
    boss.page.get_by_role("button", name="7 days").click()
    expect(chart.get_by_role("row").nth(1)).to_contain_text(re.compile(r"^\w{3} \d+, "))
    boss.page.reload()
    expect(boss.page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    phone = window(phone=True).opens("/operator/figures")
    phone.page.set_viewport_size({"width": 360, "height": 800})
    expect(phone.page.get_by_role("slider")).to_have_count(4)
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 360
    phone.photographs("phone-operator-figures-dark")


def test_bot_that_was_killed_answers_in_the_page_that_stayed_open(window, tmp_path):
    demo = Demo(tmp_path, latency="0.2-0.5")
    demo.start()
    try:
        ann = window(at=demo).opens().comes_in_as("Ann")
        ann.imagines("a phoenix [slow:3]").sees(1, "painting")
        ann.reply.fill("half typed when it died")
        demo.kill()
        demo.start()
        ann.sees_picture(1, of="a phoenix [slow:3]")
        expect(ann.versions()).to_have_count(1)
        expect(ann.reply).to_have_value("half typed when it died")
        ann.reply.press("Enter")
        ann.sees(2, "done")
        expect(ann.version(2)).to_contain_text("Ann")
        expect(ann.version(2).get_by_role("button", name="Delete")).to_be_visible()
    finally:
        demo.stop()

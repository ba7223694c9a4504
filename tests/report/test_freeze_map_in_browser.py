"""The freeze map in headless Chromium: skipped where there is none, or no Playwright to drive it.

`FREEZELINT_SCREENSHOTS=FOLDER` keeps pictures of the pages.
"""

import os
import shutil
from pathlib import Path

import pytest

from freezelint.finding import Confidence, Finding, Severity
from freezelint.mapping import drawn, page_of
from freezelint.report.freeze_map import render
from tests.graph.build import call, functional, layer, model, source

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"),
]

MODELS = Path(__file__).parents[2] / "fixtures" / "models"
EVIL = "<script>document.title=1</script>"


@pytest.fixture(scope="module")
def browser():
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=[*quiet, "--disable-component-update"])
        yield opened
        opened.close()


@pytest.fixture
def shown(browser, tmp_path, request):
    """Opens a page; the test fails if the console of the browser complains."""
    complaints = []
    contexts = []

    def show(html, **options):
        file = tmp_path / "map.html"
        file.write_text(html, "utf-8")
        context = browser.new_context(viewport={"width": 1400, "height": 900}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda sent: complaints.append(sent.url) if not sent.url.startswith("file:") else None)
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready]", timeout=20_000)
        return page

    yield show
    folder = os.environ.get("FREEZELINT_SCREENSHOTS")
    for number, context in enumerate(contexts):
        if folder:
            name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
            context.pages[0].screenshot(path=Path(folder) / f"{name}-{number}.png")
        context.close()
    assert complaints == []


def given(*shape):
    config = source()
    config["config"]["batch_shape"] = [None, *shape]
    return config


def long_model(count):
    """A network of residual blocks, `count` layers in all."""
    layers, before = [given(32, 32, 8)], "in"
    for number in range(count // 4):
        names = [f"block{number}_{part}" for part in ("conv", "bn", "relu", "add")]
        own = number > count // 16
        layers += [
            layer("Conv2D", names[0], before, filters=8, kernel_size=[3, 3], padding="same", own=own),
            layer("BatchNormalization", names[1], names[0], own=own),
            layer("ReLU", names[2], names[1]),
            layer("Add", names[3], call(names[2], before)),
        ]
        before = names[3]
    return model(functional("long", *layers))


def box(page, name):
    return page.locator("g.node", has=page.locator(f":scope > title:text-is('{name}')"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_small_model_is_drawn_with_its_states_and_its_gradient_path(shown, theme):
    page = shown(page_of(MODELS / "ecg_sandwich.keras", FINDINGS), color_scheme=theme)
    assert page.locator("g.node").count() == 7
    assert page.locator("g.node.s-path").count() == 3
    assert page.locator("g.node.s-trains").count() == 2
    assert page.locator("path.back").count() == 5
    assert page.get_by_text("gradient ends here").count() == 1
    assert "because adapter before them trains" in page.locator("aside").inner_text()


FINDINGS = [
    Finding(
        "FZ301",
        "frozen-on-gradient-path",
        Severity.INFO,
        Confidence.CERTAIN,
        "`encoder1` is frozen, but `adapter` before it trains.",
        "m.keras",
        layer="encoder1",
    )
]


def test_a_mark_opens_the_page_of_its_rule(shown):
    page = shown(page_of(MODELS / "ecg_sandwich.keras", FINDINGS))
    page.locator(".mark").click()
    assert page.locator("dialog").is_visible()
    assert "Why it is a mistake" in page.locator("dialog").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    page.locator(".findings button").first.press("Enter")
    assert page.locator("dialog").is_visible()


def test_boxes_fold_and_unfold_with_mouse_and_keys(shown):
    page = shown(page_of(MODELS / "flowers_frozen_base.keras"))
    assert box(page, "backbone/block1_conv").count() == 1
    page.locator("#fold").click()
    assert box(page, "backbone/block1_conv").count() == 0
    base = box(page, "backbone")
    assert base.get_attribute("aria-expanded") == "false"
    base.focus()
    page.keyboard.press("ArrowRight")
    assert box(page, "backbone/block1_conv").count() == 1
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.querySelector('title').textContent") == "backbone/block1_conv"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert box(page, "backbone/block1_conv").count() == 0


def test_a_layer_is_found_by_name_and_shown_even_if_it_is_folded_away(shown):
    page = shown(render(drawn(long_model(400))))
    assert box(page, "block77_conv").count() == 0
    page.keyboard.press("/")
    page.keyboard.type("block77_conv")
    found = box(page, "block77_conv")
    found.wait_for()
    assert page.locator("#hits").inner_text() == "1 of 1"
    assert "block77_conv" in page.locator("#chosen").inner_text()
    assert found.evaluate(
        "node => { const at = node.getBoundingClientRect(); return at.top > 0 && at.bottom < innerHeight }"
    )


def test_a_layer_named_like_a_script_stays_text(shown):
    config = functional("m", given(4), layer("Dense", EVIL, "in", units=2))
    config["config"]["output_layers"] = [EVIL, 0, 0]
    findings = [Finding("FZ1", EVIL, Severity.ERROR, Confidence.CERTAIN, EVIL, "m", layer=EVIL)]
    page = shown(render(drawn(model(config)), findings))
    assert page.title() == "model.keras"
    assert EVIL in page.locator("aside").inner_text()
    box(page, EVIL).first.click()
    assert EVIL in page.locator("#chosen").inner_text()
    assert page.title() == "model.keras"


def test_eight_hundred_layers_can_be_used_within_two_seconds(shown):
    page = shown(render(drawn(long_model(800))))
    assert int(page.locator("html").get_attribute("data-ready")) < 2000
    assert page.locator("g.node").count() < 250
    page.locator("#unfold").click()
    assert page.locator("g.node").count() > 800


def test_what_is_printed_is_the_picture_and_the_words(shown):
    page = shown(page_of(MODELS / "ecg_sandwich.keras", FINDINGS))
    page.emulate_media(media="print")
    assert not page.locator("#search").is_visible()
    assert page.locator("svg").is_visible()
    assert page.locator("#findings").is_visible()
    assert len(page.pdf()) > 10_000


def test_themes_can_be_switched(shown):
    page = shown(page_of(MODELS / "ecg_sandwich.keras"), color_scheme="light")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_a_narrow_screen_has_everything_below_each_other(shown):
    page = shown(page_of(MODELS / "ecg_sandwich.keras"))
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    assert page.locator("g.node").count() == 7

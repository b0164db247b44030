"""What tests find on the Compare page."""

import re

from playwright.sync_api import Locator, Page, expect

SAME = re.compile("^Identical: status; .*; (every byte of the body|no answer has a body)[.]")


def row(page: Page, target: str) -> Locator:
    """The row of a target in the overview."""
    return page.locator(f"#overview tr[data-target={target}]")


def panel(page: Page, target: str) -> Locator:
    """The panel with the answer of a target."""
    return page.locator(f".panel[data-target={target}]")


def copied(page: Page, kind: str, target: str) -> str:
    """Press a copy button; return what is in the clipboard."""
    page.get_by_role("button", name=f"{kind} for {target}").click()
    expect(page.get_by_role("status")).to_have_text("Copied to the clipboard.")
    return str(page.evaluate("navigator.clipboard.readText()"))


def paste(window: Page, text: str) -> None:
    """Paste a text into the field of the path."""
    window.get_by_label("Path, below each prefix").evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", text);
            field.dispatchEvent(new ClipboardEvent("paste", {clipboardData, cancelable: true}));
        }""",
        text,
    )

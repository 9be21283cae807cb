"""The nightly report of what cannot be paid, which needs no language model."""

from __future__ import annotations

from pathlib import Path

from tests.examples.process import EXAMPLES, NIGHTLY, started


def test_what_cannot_be_paid_is_said_and_the_rest_is_paid(tmp_path: Path) -> None:
    inbox, whole = tmp_path / "inbox", (EXAMPLES / "data" / "receipt.png").read_bytes()
    inbox.mkdir()
    (inbox / "receipt-1.png").write_bytes(whole)
    (inbox / "receipt-2.png").write_bytes(whole[: len(whole) // 2])
    (inbox / "receipt-3.png").write_bytes((EXAMPLES / "data" / "canteen.png").read_bytes())
    done = started(tmp_path, *NIGHTLY, "inbox", "reports")
    assert (done.returncode, done.stdout) == (1, "")
    (report,) = tmp_path.glob("reports/????-??-??.md")
    said = f"error: not everything could be paid; reports/{report.name} says why\n"
    assert done.stderr == said
    _, _, first, second, third = report.read_text().splitlines()
    assert first.startswith("- receipt-1.png: 94.00 euros; 4 guests")
    assert second.startswith("- receipt-2.png: 0.00 euros; not paid: the picture is damaged")
    assert third.startswith("- receipt-3.png: 0.00 euros; not paid: there is no total in: Canteen")

"""Budgets on the command line: the worst case of a plan, a run that pauses, and goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .process import AGENTS, agentkit, hinted, run

BUYING = ("--agent", f"{AGENTS}:buying")


def bought(folder: Path) -> list[str]:
    witness = folder / "witness.txt"
    return witness.read_text().splitlines() if witness.exists() else []


def test_plan_prints_what_it_costs_at_worst(tmp_path: Path) -> None:
    done = agentkit(tmp_path, "plan", "Buy.", *BUYING)
    assert (done.returncode, bought(tmp_path)) == (0, [])
    assert "at worst: 0 tokens, $0.06, seconds unknown (a, b, c), 3 calls" in done.stderr
    strict = ("--budget", "usd=0.05", "--budget", "when_over=refuse")
    refused = agentkit(tmp_path, "plan", "Buy.", *BUYING, *strict)
    assert refused.returncode == 1
    assert "budget: expected a plan within the budget of $0.05; found $0.06" in refused.stderr


def test_a_run_pauses_at_its_budget_and_resume_raises_it(tmp_path: Path) -> None:
    done = run(tmp_path, "buying", "--budget", "usd=0.05")
    assert (done.returncode, done.stdout) == (5, "")
    assert "does not allow the call of c, which may take $0.02" in done.stderr
    assert bought(tmp_path) == ["bought a", "bought b"]
    again = agentkit(tmp_path, "resume", "last")
    assert again.returncode == 5  # the budget it was started with
    resumed = agentkit(tmp_path, *hinted(again.stderr, "resume"))
    assert (resumed.returncode, resumed.stdout) == (0, "abc\n")
    assert bought(tmp_path) == ["bought a", "bought b", "bought c"]
    assert re.search(
        r"spent: \d+ tokens, \$0\.06, .* 3 calls", agentkit(tmp_path, "show", "last").stdout
    )


def test_a_plan_over_budget_waits_until_it_is_allowed(tmp_path: Path) -> None:
    done = run(tmp_path, "buying", "--budget", "usd=0.05", "--budget", "when_over=ask")
    assert (done.returncode, bought(tmp_path)) == (5, [])
    assert "the plan may cost $0.06 at worst: a (buy) $0.02" in done.stderr
    assert "run/budget" in agentkit(tmp_path, "show", "last").stdout
    allowed = agentkit(tmp_path, *hinted(done.stderr, "approve"))
    assert allowed.returncode == 0
    resumed = agentkit(tmp_path, *hinted(allowed.stderr, "resume"))
    assert (resumed.returncode, bought(tmp_path)) == (5, ["bought a", "bought b"])
    enough = agentkit(tmp_path, "resume", "last", "--budget", "usd=0.06")
    assert (enough.returncode, enough.stdout) == (0, "abc\n")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("money=1", "expected a budget among tokens, usd, seconds, calls, when_over; got 'money'"),
        ("usd=much", "expected a number in --budget usd=N; got 'much'"),
        ("calls=0", "Budget(calls=…) is more than 0; found 0"),
        ("when_over=wait", "expected when_over as one of refuse, ask, go; found 'wait'"),
    ],
)
def test_a_budget_that_is_none_is_explained(tmp_path: Path, given: str, said: str) -> None:
    done = run(tmp_path, "buying", "--budget", given)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr

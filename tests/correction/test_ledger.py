import asyncio
import json
import threading

import pytest

from leap_core.errors import BudgetExceeded, ConfigError, RunFolderError
from leap_core.runs.ledger import Call, Ledger, SpendingLimit, read_calls


def call(tokens: int = 10, cost: float | None = 0.5, **more) -> Call:
    return Call("correction", "m", prompt_tokens=tokens, cost=cost, **more)


def spend(ledger: Ledger, tokens: int, cost: float | None, used: Call) -> None:
    with ledger.reserve_now(tokens, cost) as room:
        room.settle(used)


def test_totals_add_up_and_unknown_prices_stay_unknown():
    ledger = Ledger()
    spend(ledger, 20, 1.0, call())
    assert ledger.totals.usage.cost == 0.5
    spend(ledger, 20, None, call(cost=None))
    ledger.record(call(0, 0.0, cached=True))
    usage = ledger.totals.usage
    assert (usage.calls, usage.cached_calls, usage.prompt_tokens, usage.cost) == (2, 1, 20, None)
    assert ledger.totals.cost == 0.5
    assert ledger.totals.unpriced == 1


def test_totals_survive_a_reopening_and_a_torn_last_line(tmp_path):
    path = tmp_path / "run" / "ledger.jsonl"
    ledger = Ledger(path)
    spend(ledger, 20, 1.0, call(error="ü"))
    spend(ledger, 20, 1.0, call(status="lost", at_most_tokens=7, at_most_cost=0.7))
    totals = ledger.totals
    ledger.close()
    with path.open("ab") as file:
        file.write(b'{"purpose": "corr')
    assert len(list(read_calls(path))) == 2
    again = Ledger(path)
    assert again.totals == totals
    spend(again, 20, 1.0, call())
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 3


def test_a_line_that_is_no_record_is_refused(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_text("[1]\n")
    with pytest.raises(RunFolderError, match="line 1"):
        Ledger(path)


def test_a_path_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot use the ledger"):
        Ledger(tmp_path / "file" / "ledger.jsonl")


def test_budget_stops_before_it_is_passed():
    ledger = Ledger(budget=SpendingLimit(money=1.0))
    spend(ledger, 0, 0.6, call(cost=0.6))
    with pytest.raises(BudgetExceeded, match="raise the budget"):
        ledger.reserve_now(0, 0.5)
    spend(ledger, 0, 0.4, call(cost=0.4))
    assert ledger.totals.cost <= 1.0


def test_reservations_count_until_they_are_settled_or_given_back():
    ledger = Ledger(budget=SpendingLimit(tokens=100))
    with ledger.reserve_now(80, None), pytest.raises(BudgetExceeded):
        ledger.reserve_now(30, None)
    ledger.reserve_now(100, None)


def test_lost_attempts_count_at_their_worst_case():
    ledger = Ledger(budget=SpendingLimit(tokens=100))
    with ledger.reserve_now(80, None) as room:
        room.settle(call(0, None, status="lost", at_most_tokens=80))
    assert ledger.totals.usage.prompt_tokens == 0
    with pytest.raises(BudgetExceeded):
        ledger.reserve_now(30, None)


def test_a_budget_in_money_needs_a_price():
    with pytest.raises(ConfigError, match="price"):
        Ledger(budget=SpendingLimit(money=1.0)).reserve_now(10, None)


def test_concurrent_callers_never_overshoot_and_use_what_fits():
    ledger = Ledger(budget=SpendingLimit(tokens=1000))
    stopped = 0

    async def one() -> None:
        nonlocal stopped
        try:
            with await ledger.reserve(100, None) as room:
                await asyncio.sleep(0)
                room.settle(call(30, None))
        except BudgetExceeded:
            stopped += 1

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(100)))

    asyncio.run(many())
    used = ledger.totals.prompt_tokens
    assert 870 < used <= 1000
    assert ledger.totals.calls + stopped == 100


def test_threads_share_one_file(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    threads = [
        threading.Thread(target=lambda: [spend(ledger, 1, 0.0, call()) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()
    assert Ledger(tmp_path / "ledger.jsonl").totals.calls == 400


def test_a_waiter_in_another_thread_is_woken():
    ledger = Ledger(budget=SpendingLimit(tokens=100))
    room = ledger.reserve_now(100, None)

    async def wait() -> int:
        loop = asyncio.get_running_loop()
        loop.call_soon(threading.Thread(target=room.settle, args=(call(10),)).start)
        return (await ledger.reserve(90, None)).tokens

    assert asyncio.run(asyncio.wait_for(wait(), 30)) == 90

"""Counts of calls to a system: over HTTP and in the metrics."""

import httpx
import pytest
import respx

from bot.slack.metrics import Metrics
from connectors.calls import KINDS, Calls
from connectors.errors import BadCredential, ConnectorError, Forbidden, OthersTouched, Unavailable
from connectors.http import Api, ServerFailed, Timeouts
from connectors.tryton.rpc import Rpc
from connectors.tryton.settings import TrytonSettings

URL = "http://crm.example"


@respx.mock(base_url=URL)
def test_every_request_and_its_end_is_counted(respx_mock: respx.MockRouter) -> None:
    api = Api(URL, patience=Timeouts(attempts=2, total=1.0))
    respx_mock.get("/good").respond(204)
    respx_mock.get("/closed").respond(403)
    respx_mock.get("/key").respond(401)
    respx_mock.get("/broken").respond(500)
    respx_mock.post("/lost").mock(side_effect=httpx.ReadTimeout("late"))
    api.read("GET", "/good")
    for method, path, error in (
        ("read", "/closed", Forbidden),
        ("read", "/key", BadCredential),
        ("read", "/broken", Unavailable),
    ):
        with pytest.raises(error):
            getattr(api, method)("GET", path)
    with pytest.raises(ConnectorError):
        api.write("POST", "/lost")
    counts = api.pool.call_counts()
    assert counts.calls == 6, "the failed read was tried twice"
    assert counts.refusals == {
        "unavailable": 2,
        "outcome_unknown": 1,
        "bad_credential": 1,
        "forbidden": 1,
        "missing": 0,
        "conflict": 0,
    }
    assert counts.seconds > 0
    api.close()


@respx.mock(base_url="https://tryton.example")
def test_an_ended_session_is_no_refusal_and_a_refused_log_in_is_one(respx_mock: respx.MockRouter) -> None:
    values = {"url": "https://tryton.example", "database": "crm", "login": "bot", "password": "env:PW"}
    settings = TrytonSettings.model_validate(values, context={"env": {"PW": "x"}})
    rpc = Rpc(settings)
    respx_mock.post("/crm/rpc/").mock(
        side_effect=[
            httpx.Response(200, json={"result": [7, "key"]}),
            httpx.Response(401),
            httpx.Response(200, json={"result": [7, "newer"]}),
            httpx.Response(200, json={"result": 3}),
            httpx.Response(200, json={"error": ["UserError", ["no", "groups and rights"]]}),
            httpx.Response(401),
            httpx.Response(401),
        ]
    )
    assert rpc.read("party.party.search_count", []) == 3
    assert sum(rpc.api.pool.call_counts().refusals.values()) == 0
    with pytest.raises(Forbidden):
        rpc.read("party.party.search_count", [])
    assert rpc.api.pool.call_counts().refusals["forbidden"] == 1
    with pytest.raises(BadCredential):
        rpc.read("party.party.search_count", [])
    counts = rpc.api.pool.call_counts()
    assert (counts.calls, counts.refusals["bad_credential"]) == (7, 1)


def test_a_special_error_counts_as_its_kind_and_a_fault_of_ours_as_a_call() -> None:
    calls = Calls()
    for error in (ServerFailed("x"), OthersTouched("y", stop=False, count=1), ZeroDivisionError()):
        with pytest.raises(type(error)), calls.counted():
            raise error
    counts = calls.counts()
    assert (counts.calls, counts.refusals["unavailable"], counts.refusals["conflict"]) == (3, 1, 1)
    assert sum(counts.refusals.values()) == 2
    assert len(KINDS) == 6


def test_the_metrics_show_each_systems_calls_also_without_a_database() -> None:
    calls = Calls()
    with pytest.raises(Forbidden), calls.counted():
        raise Forbidden("no")
    text = Metrics(calls=lambda: {"crm": calls.counts()}).text()
    assert 'handover_system_calls_total{system="crm"} 1.0' in text
    assert 'handover_system_refusals_total{kind="forbidden",system="crm"} 1.0' in text
    assert 'handover_system_refusals_total{kind="bad_credential",system="crm"} 0.0' in text
    assert 'handover_system_call_seconds_total{system="crm"}' in text

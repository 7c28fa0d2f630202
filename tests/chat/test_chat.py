"""An alert in a chat: what is posted, and what becomes of one that cannot be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chat import app

PATH = "/services/T000/B000/a-secret?code=1"
HOSTILE = "<!channel> <https://evil.example|raise.csv> [here](https://evil.example) *now* &"


class Chat:
    """A chat that answers with `status` and keeps what it was sent."""

    def __init__(self, port: int) -> None:
        self.status, self.paths, self.bodies = 200, list[str](), list[dict[str, Any]]()
        self.address = f"http://127.0.0.1:{port}{PATH}"


@pytest.fixture
def chat() -> Iterator[Chat]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/json"
            here.paths.append(self.path)
            here.bodies.append(json.loads(body))
            self.send_response(here.status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    here = Chat(server.server_port)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield here
    server.shutdown()
    server.server_close()


@pytest.fixture
def parameter(monkeypatch: pytest.MonkeyPatch, chat: Chat) -> Iterator[Any]:
    """SSM, with the address of the chat."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("WEBHOOK_PARAMETER", "/sluice/chat")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    app.address.cache_clear()
    with mock_aws():
        ssm = boto3.client("ssm")
        ssm.put_parameter(Name="/sluice/chat", Type="SecureString", Value=f" {chat.address}\n")
        yield ssm
    app.address.cache_clear()


def event(message: str, subject: str | None = "shop: r1 serves") -> dict[str, Any]:
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Subject": subject, "Message": message}}]}


def test_an_alert_is_posted_to_the_address_of_the_parameter(chat: Chat, parameter: Any) -> None:
    app.handler(event('It serves.\nWhat to do: nothing.\n\n{"run_id": "r1"}'), None)
    assert chat.paths == [PATH]
    assert chat.bodies[0]["text"] == "shop: r1 serves\nIt serves.\nWhat to do: nothing."


def test_an_address_that_was_changed_is_read_again_after_a_failure(chat: Chat, parameter: Any) -> None:
    parameter.put_parameter(Name="/sluice/chat", Type="SecureString", Value="http://127.0.0.1:1/gone", Overwrite=True)
    with pytest.raises(app.ChatError, match="did not answer"):
        app.handler(event("a"), None)
    parameter.put_parameter(Name="/sluice/chat", Type="SecureString", Value=chat.address, Overwrite=True)
    app.handler(event("b"), None)
    assert len(chat.bodies) == 1


@pytest.mark.parametrize("status", [301, 404, 429, 500])
def test_an_answer_that_is_not_2xx_fails_and_hides_the_address(chat: Chat, status: int) -> None:
    chat.status = status
    with pytest.raises(app.ChatError) as failed:
        app.post(chat.address, "text")
    assert str(failed.value) == f"127.0.0.1 answered {status}"
    assert len(chat.bodies) == 1


@pytest.mark.parametrize("address", ["http://hooks.slack.com/x", "file:///etc/passwd", "ftp://a/b", "", "https:///x"])
def test_only_https_is_posted_to(address: str) -> None:
    with pytest.raises(app.ChatError, match="does not begin with https"):
        app.post(address, "text")


def test_a_hostile_name_is_plain_text_in_slack(chat: Chat) -> None:
    app.post(chat.address, HOSTILE)
    [body] = chat.bodies
    assert "&lt;!channel&gt;" in body["text"]
    assert "<" not in body["text"]
    assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)


def test_teams_gets_a_card_of_runs_that_know_no_markdown(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_TEAMS", ("127.0.0.1",))
    app.post(chat.address, f"subject\n{HOSTILE}")
    [attachment] = chat.bodies[0]["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    blocks = attachment["content"]["body"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert [block["inlines"][0]["text"] for block in blocks] == ["subject", HOSTILE]


@pytest.mark.parametrize(
    ("host", "form"),
    [
        ("hooks.slack.com", app.slack),
        ("prod-1.westeurope.logic.azure.com", app.teams),
        ("contoso.webhook.office.com", app.teams),
        ("default1.2f.environment.api.powerplatform.com", app.teams),
        ("chat.example.org", app.slack),
    ],
)
def test_the_host_says_which_chat_it_is(host: str, form: object) -> None:
    assert app._form(host) is form


@pytest.mark.parametrize("message", ["\U0001f600" * 10_000, "a\n" * 10_000, "&" * 5_000])
def test_a_long_alert_is_cut_counted_and_within_the_limits(message: str) -> None:
    text = app.alert_text("shop: many", message)
    assert f"{len(f'shop: many{chr(10)}{message}'.strip()) - len(text.rpartition(chr(10))[0])} more characters" in text
    assert len(json.dumps(app.teams(text), ensure_ascii=False).encode()) < 28_000
    assert len(text) < 4_000


def test_an_alarm_of_cloudwatch_is_said_in_words() -> None:
    alarm = {"AlarmName": "sluice-x", "AlarmDescription": "Files wait.", "NewStateReason": "1 > 0", "Trigger": {"a": 1}}
    assert app.alert_text('ALARM: "sluice-x"', json.dumps(alarm)) == 'ALARM: "sluice-x"\nFiles wait.\n1 > 0'
    assert app.alert_text(None, "[1]") == "Sluice\n[1]"

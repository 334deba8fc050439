# SPDX-License-Identifier: Apache-2.0
"""Requests made from the OpenAPI document: valid, nearly valid and absurd.  None may give a 5xx but 501, 502 and 504
(what a store or a missing feature answers), end the daemon, or wake a sanitizer.

ISTHMUS_HOSTILE_SECONDS: how long (60 daily, 600 long); ISTHMUS_HOSTILE_SEED: which requests (printed on failure)."""
import json
import os
import random
import socket
import time

import requests

from node import Node

SECONDS = float(os.environ.get("ISTHMUS_HOSTILE_SECONDS") or (600 if os.environ.get("LONG") == "1" else 60))
SEED = int(os.environ.get("ISTHMUS_HOSTILE_SEED") or random.SystemRandom().randrange(1 << 32))
# these would end the run or take the identity away
SKIPPED = {"session_delete", "tokens_delete", "sessions_delete", "users_patch", "users_delete"}
NASTY = ["", "/", "//", "..", "../..", "%", "%zz", "%00", "\x00", "a" * 5000, "ü" * 300, "\ud7ff", "'; drop table inode; --", "${jndi:x}", "{}", "[]", "null",
         "true", "-1", "0", "1", "9" * 30, "1e400", "NaN", "2026-01-01T00:00:00Z", "0000-00-00T99:99:99Z", "<script>", "%2F%2F", "\\", "*", "?", "#", "a/b/c", "/a:rename", "777", "08", "ist_x"]


class Maker:
    def __init__(self, doc, rng, store):
        self.doc, self.rng, self.store = doc, rng, store
        self.paths = ["/", "/h", "/h/a", "/h/b", "/h/c", "/h/a/x", "/h/ü", "/nope", "/h/a b"]

    def schema(self, s):
        return self.doc["components"]["schemas"][s["$ref"].rsplit("/", 1)[1]] if "$ref" in s else s

    def value(self, s, name=""):
        rng, s = self.rng, self.schema(s)
        if rng.random() < 0.12:
            return rng.choice([None, True, 0, -1, 1 << 70, 1.5, [], {}, [[]], rng.choice(NASTY)])
        if "enum" in s:
            return rng.choice(s["enum"])
        kind = s.get("type", "object")
        kind = rng.choice(kind) if isinstance(kind, list) else kind
        if kind == "object" and "properties" in s:
            return {k: self.value(v, k) for k, v in s["properties"].items() if k in s.get("required", []) or rng.random() < 0.4}
        if kind == "object":
            return {rng.choice(NASTY) or "k": rng.choice(NASTY + ["aGk=", None]) for _ in range(rng.randrange(3))}
        if kind == "array":
            return [self.value(s.get("items", {"type": "string"}), name) for _ in range(rng.randrange(4))]
        if kind == "integer":
            return rng.choice([s.get("minimum", -5), s.get("maximum", 1 << 40), rng.randrange(0, 100), -(1 << 63), (1 << 63) - 1])
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "null":
            return None
        if name in ("to", "path", "target", "scope"):
            return rng.choice(self.paths + NASTY)
        if name == "uri":
            return rng.choice([self.store, "file:///nope", "s3://b/x", "gopher://x"] + NASTY)
        if name == "mode":
            return rng.choice(["755", "644", "0", "7777"] + NASTY)
        return rng.choice(NASTY + ["2026-12-01T00:00:00Z", "aGk=", "user:ann:rw-", "default:group::r-x"])

    def query(self, op):
        picked = {}
        for p in op.get("parameters", []):
            if p["in"] == "query" and (p.get("required") or self.rng.random() < 0.3):
                v = self.value(p["schema"], p["name"])
                picked[p["name"]] = "true" if v is True else "false" if v is False else v if isinstance(v, str) else json.dumps(v)
        if self.rng.random() < 0.05:
            picked[self.rng.choice(NASTY) or "x"] = self.rng.choice(NASTY)
        return picked

    def body(self, op):
        content = op.get("requestBody", {}).get("content", {})
        if self.rng.random() < 0.05:
            return self.rng.randbytes(self.rng.randrange(200))
        if "application/octet-stream" in content or not content:
            return self.rng.randbytes(self.rng.choice([0, 1, 1000, 70_000]))
        schema = content["application/json"]["schema"]
        if schema.get("$ref", "").endswith("/any"):
            schema = {"$ref": "#/components/schemas/" + self.rng.choice(["make", "acl_change", "attributes", "copy"])}
        return json.dumps(self.value(schema)).encode()


def quote(text):
    return "".join(c if c.isalnum() or c in "/-._~" else "".join(f"%{b:02X}" for b in c.encode("utf-8", "surrogatepass")) for c in text)


def operations(doc):
    return [(path, method.upper(), op) for path, item in doc["paths"].items() for method, op in item.items() if op["operationId"] not in SKIPPED]


def test_requests_from_the_document():
    n = Node().format().start()
    rng = random.Random(SEED)
    try:
        doc = requests.get(n.url("/openapi.json")).json()
        maker, ops, session, done, statuses = Maker(doc, rng, f"{n.home}/other"), operations(doc), requests.Session(), 0, {}
        os.mkdir(f"{n.home}/other")
        n.ok("PUT", "/files/h", json={"type": "directory"})
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            path, method, op = rng.choice(ops)
            target = path.replace("{path}", quote(rng.choice(maker.paths + ["/h/" + x for x in NASTY[1:]])).lstrip("/")).replace("{id}", quote(rng.choice(NASTY + ["1", "2"]))[:300])
            if "/files" in path and method == "DELETE" and target in ("/files/", "/files/h"):
                continue
            headers = {"Authorization": f"Bearer {n.token}"}
            for name in ["If-Match", "If-None-Match", "Range", "If-Range", "X-Isthmus-Index", "Idempotency-Key", "Content-Type", "Expect"]:
                if rng.random() < 0.05:
                    headers[name] = rng.choice(["*", '"1-2-3"', "bytes=0-1", "bytes=-", "bytes=9999999999999999999-", "0", "x" * 129, "100-continue", "application/json"])
            what = f"seed={SEED} request {done}: {method} {target}"
            try:
                answer = session.request(method, n.url("") + target, params=maker.query(op), data=maker.body(op), headers=headers, timeout=60)
            except requests.exceptions.InvalidURL:
                continue
            except requests.exceptions.ConnectionError as e:  # a refused body may end the connection, a dead daemon not
                assert n.process.poll() is None, f"{what}: the daemon ended: {e} {n.output()[-3000:]}"
                continue
            done += 1
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            assert answer.status_code < 500 or answer.status_code in (501, 502, 504), f"{what}: {answer.status_code} {answer.text} body={answer.request.body!r:.300}"
            if answer.status_code >= 400 and method != "HEAD" and "/api/v1/" in answer.request.url:  # the client folds ".."
                shape = answer.json() if answer.headers.get("Content-Type") == "application/json" else {}
                assert set(shape) >= {"code", "message", "detail", "request_id"}, f"{what}: {answer.status_code} {answer.text!r} {answer.request.headers}"
        print(done, "requests", statuses)
        assert done > SECONDS * 20 and statuses.get(200, 0) > 0
        assert n.ok("GET", "/doctor").json()["items"] == []
        n.stop()
        assert "Sanitizer" not in n.output() and "runtime error" not in n.output()
    finally:
        n.remove()


def test_broken_http():
    """Bytes that are not HTTP, or nearly: an error or an end, and the daemon serves on."""
    n = Node().format().start()
    rng = random.Random(SEED)
    seeds = [b"GET /api/v1/files/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + n.token.encode() + b"\r\n\r\n",
             b"PUT /api/v1/files/x?content HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
             b"PUT /api/v1/files/x?content HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
             b"GET http://h/api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\r\n\r\n"]
    try:
        end = time.monotonic() + min(10, SECONDS / 6)
        while time.monotonic() < end:
            data = bytearray(rng.choice(seeds))
            for _ in range(rng.randrange(4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            with socket.create_connection(("127.0.0.1", n.port), timeout=5) as s:
                s.settimeout(5)
                try:
                    s.sendall(bytes(data))
                    s.shutdown(socket.SHUT_WR)
                    s.recv(1000)
                except OSError:
                    pass  # an end is an answer here
            assert n.process.poll() is None, f"seed={SEED}: {bytes(data)!r:.300} {n.output()[-2000:]}"
        assert requests.get(n.url("/health")).ok
        n.stop()
    finally:
        n.remove()


def test_a_body_whose_end_is_not_clear_is_refused(node):
    def put(name, head, body):
        with socket.create_connection(("127.0.0.1", node.port), timeout=10) as s:
            s.sendall(f"PUT /api/v1/files/{name}?content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {node.token}\r\nConnection: close\r\n{head}\r\n\r\n".encode() + body)
            return s.recv(100)

    assert b" 201 " in put("clear", "Content-Length: 3", b"abc") and b" 201 " in put("chunks", "Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n")
    for i, head in enumerate(["Content-Length: 3x", "Content-Length: 3, 3", "Content-Length: +3", "Content-Length: 0x3", "Content-Length: 4\r\nTransfer-Encoding: chunked"]):
        assert b" 400 " in put(f"unclear{i}", head, b"3\r\nabc\r\n0\r\n\r\n"), head
        assert node.call("GET", f"/files/unclear{i}").status_code == 404

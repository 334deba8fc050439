# SPDX-License-Identifier: Apache-2.0
"""session_*, sessions_*, users_*, tokens_*: who may do what."""
import concurrent.futures
import uuid

import pytest
import requests

from node import Node, record
from test_files import error


def login(node, name, password):
    s = requests.Session()
    s.hooks["response"].append(record)
    answer = s.post(node.url("/session"), json={"name": name, "password": password})
    return s, answer


@pytest.fixture
def user(node):
    """A viewer: (name, password, token)."""
    name, password = f"u{uuid.uuid4().hex[:8]}", "a good password"
    node.ok("POST", "/users", json={"name": name, "password": password, "role": "viewer", "groups": ["dev"]})  # users_create
    token = requests.post(node.url("/tokens"), json={"label": "t"}, auth=(name, password)).json()["token"]
    yield name, password, token
    node.call("DELETE", f"/users/{name}")


def test_nothing_without_identity(node):
    for path in ["/files/", "/mounts", "/overview", "/users", "/config", "/session", "/metrics"]:
        answer = requests.get(node.url(path))
        assert answer.status_code == 401 and answer.json()["code"] == "unauthenticated", path
    assert node.ok("GET", "/health").json() == {"status": "ok"}  # health
    assert requests.get(f"http://127.0.0.1:{node.port}/metrics").status_code == 401
    for header in ["Bearer x", "Bearer ", "Basic !!!", "Basic eA==", "Digest x"]:
        assert requests.get(node.url("/mounts"), headers={"Authorization": header}).status_code == 401


def test_session_create_get_delete(node):
    s, answer = login(node, "admin", node.password)  # session_create
    assert answer.status_code == 200 and answer.json()["role"] == "admin"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    csrf = answer.json()["csrf"]
    assert s.get(node.url("/session")).json()["csrf"] == csrf  # session_get
    assert s.put(node.url("/files/csrf-test"), json={"type": "directory"}).status_code == 403
    assert s.put(node.url("/files/csrf-test"), json={"type": "directory"}, headers={"X-CSRF-Token": "x" * len(csrf)}).status_code == 403
    assert s.put(node.url("/files/csrf-test"), json={"type": "directory"}, headers={"X-CSRF-Token": csrf}).status_code == 201
    assert s.delete(node.url("/session"), headers={"X-CSRF-Token": csrf}).status_code == 200  # session_delete
    s.cookies.set("isthmus", cookie.split("=")[1].split(";")[0])
    assert s.get(node.url("/session")).status_code == 401


def test_sessions_list_delete(node):
    s, answer = login(node, "admin", node.password)
    mine = [x for x in s.get(node.url("/sessions")).json()["items"] if x["current"]]  # sessions_list
    assert len(mine) == 1 and mine[0]["user"] == "admin"
    node.ok("DELETE", f"/sessions/{mine[0]['id']}")  # sessions_delete
    assert s.get(node.url("/session")).status_code == 401
    error(node.call("DELETE", "/sessions/nothing"), 404, "not_found")


def test_wrong_passwords_are_slowed_down(node):
    name = f"victim{uuid.uuid4().hex[:6]}"
    node.ok("POST", "/users", json={"name": name, "password": "a good password"})
    codes = [login(node, name, "wrong password")[1].status_code for _ in range(7)]
    assert codes[:5] == [401] * 5 and 429 in codes[5:]
    assert login(node, name, "a good password")[1].status_code == 429
    node.ok("DELETE", f"/users/{name}")  # users_delete


def test_users_list_patch(node, user):
    name, password, token = user
    assert name in [u["name"] for u in node.ok("GET", "/users").json()["items"]]  # users_list
    error(node.call("GET", "/users", token=token), 403, "permission_denied")
    error(node.call("PATCH", f"/users/{name}", token=token, json={"role": "admin"}), 403, "permission_denied")  # users_patch
    error(node.call("PATCH", f"/users/{name}", token=token, json={"password": "another password"}), 403, "permission_denied")
    node.ok("PATCH", f"/users/{name}", token=token, json={"password": "another password", "old_password": password})
    assert requests.get(node.url("/session"), auth=(name, password)).status_code == 401
    assert requests.get(node.url("/session"), auth=(name, "another password")).json()["user"] == name
    node.ok("PATCH", f"/users/{name}", json={"disabled": True})
    error(node.call("GET", "/session", token=token), 401, "unauthenticated")
    error(node.call("PATCH", "/users/admin", json={"role": "viewer"}), 409, "conflict")
    error(node.call("POST", "/users", json={"name": "bad name", "password": "a good password"}), 400, "invalid_argument")
    error(node.call("POST", "/users", json={"name": "short", "password": "short"}), 400, "invalid_argument")


def test_roles(node, user):
    _, _, token = user
    for method, path, body in [("POST", "/mounts", {"path": "/x", "uri": "/usr"}), ("POST", "/journal:checkpoint", None), ("PUT", "/logs/levels", {"subsystem": "rest", "level": "INFO"}),
                               ("POST", "/users", {"name": "x", "password": "a good password"}), ("PATCH", "/config", {"values": {}}), ("GET", "/doctor", None), ("GET", "/logs", None),
                               ("POST", "/backups", {"passphrase": "a passphrase"})]:
        error(node.call(method, path, token=token, json=body), 403, "permission_denied")


def test_path_permissions_decide(node, folder, user):
    name, _, token = user
    node.put(f"{folder}/secret", b"secret")
    node.ok("PATCH", f"/files{folder}/secret", json={"mode": "600"})
    denied = error(node.call("GET", f"/files{folder}/secret?content", token=token), 403, "permission_denied")
    assert f"user={name}" in denied["message"]
    error(node.call("PUT", f"/files{folder}/x?content", token=token, data=b""), 403, "permission_denied")
    error(node.call("DELETE", f"/files{folder}/secret", token=token), 403, "permission_denied")
    error(node.call("PATCH", f"/files{folder}/secret", token=token, json={"mode": "777"}), 403, "permission_denied")
    node.ok("PUT", f"/files{folder}/secret?acl", json={"action": "modify", "entries": [f"user:{name}:r--"]})
    assert node.call("GET", f"/files{folder}/secret?content", token=token).content == b"secret"
    node.ok("PATCH", f"/files{folder}", json={"mode": "770"})
    error(node.call("GET", f"/files{folder}/secret?content", token=token), 403, "permission_denied")
    error(node.call("GET", f"/files{folder}?list", token=token), 403, "permission_denied")
    node.ok("PATCH", f"/files{folder}", json={"group": "dev"})
    node.ok("PUT", f"/files{folder}/mine?content", token=token, data=b"mine")


def test_tokens_create_list_delete(node, user, folder):
    name, password, token = user
    node.put(f"{folder}/x", b"x")
    scoped = node.ok("POST", "/tokens", json={"label": "scoped", "scope": folder, "read_only": True}).json()  # tokens_create
    assert node.call("GET", f"/files{folder}/x?content", token=scoped["token"]).content == b"x"
    error(node.call("GET", "/files/?list", token=scoped["token"]), 403, "permission_denied")
    error(node.call("PUT", f"/files{folder}/y?content", token=scoped["token"], data=b""), 403, "permission_denied")
    listed = node.ok("GET", "/tokens").json()["items"]  # tokens_list
    assert scoped["id"] in [t["id"] for t in listed] and scoped["token"] not in str(listed)
    assert all(t["user"] == name for t in node.ok("GET", "/tokens", token=token).json()["items"])
    error(node.call("DELETE", f"/tokens/{scoped['id']}", token=token), 404, "not_found")
    node.ok("DELETE", f"/tokens/{scoped['id']}")  # tokens_delete
    error(node.call("GET", f"/files{folder}/x", token=scoped["token"]), 401, "unauthenticated")
    error(node.call("POST", "/tokens", token=token, json={"label": "up", "role": "admin"}), 403, "permission_denied")
    error(node.call("POST", "/tokens", json={"label": "past", "expires": "2001-01-01T00:00:00Z"}), 400, "invalid_argument")


def test_guessing_the_old_password_is_slowed_down():
    n = Node().format().start()
    try:
        statuses = [n.call("PATCH", "/users/admin", json={"password": "0123456789ab", "old_password": f"guess {i}"}).status_code for i in range(8)]
        assert statuses[:5] == [403] * 5 and statuses[-1] == 429, statuses
    finally:
        n.stop()
        n.remove()


def test_a_scope_is_a_fence(node, folder):
    """An admin's token for one path is no way to the rest of the node."""
    token = node.ok("POST", "/tokens", json={"label": "fenced", "scope": folder}).json()["token"]
    node.ok("PUT", f"/files{folder}/d", json={"type": "directory"}, token=token)
    for method, path, body in [("PATCH", "/users/admin", {"password": "0123456789ab"}), ("POST", "/users", {"name": "mallory", "password": "0123456789ab", "role": "admin"}),
                               ("GET", "/users", None), ("GET", "/logs", None), ("POST", "/backups", {"passphrase": "long enough"}), ("GET", "/changes?from=1", None),
                               ("PATCH", "/config", {"values": {"isthmus.web.slow.request": "1s"}}), ("POST", "/mounts", {"path": "/m", "uri": "file:///etc"}),
                               ("POST", "/mounts:test", {"path": "/m", "uri": "file:///etc"}), ("PATCH", "/mounts/1", {"read_only": True}), ("DELETE", "/tokens/x", None),
                               ("POST", "/metrics:clear", {}), ("PUT", "/logs/levels", {"subsystem": "ufs", "level": "DEBUG"})]:
        error(node.call(method, path, json=body, token=token), 403, "permission_denied")
    error(node.call("POST", "/tokens", json={"label": "out", "scope": "/"}, token=token), 403, "permission_denied")
    node.ok("POST", "/tokens", json={"label": "in", "scope": f"{folder}/d"}, token=token)
    node.ok("GET", "/session", token=token)


def test_retries_of_people_act_once(node):
    def key():
        return {"Idempotency-Key": uuid.uuid4().hex}

    spec, one = {"label": "retried " + uuid.uuid4().hex}, key()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: node.ok("POST", "/tokens", json=spec, headers=one).json(), range(6)))
    assert sum(a["token"] is not None for a in answers) == 1 and len({a["id"] for a in answers}) == 1
    assert [t["label"] for t in node.ok("GET", "/tokens").json()["items"]].count(spec["label"]) == 1
    error(node.call("POST", "/tokens", json={"label": spec["label"], "role": "viewer"}, headers=one), 409, "conflict")
    name, two, three = "u" + uuid.uuid4().hex[:8], key(), key()
    user = {"name": name, "password": "0123456789ab", "role": "viewer"}
    node.ok("POST", "/users", json=user, headers=two)
    assert node.ok("POST", "/users", json=user, headers=two).headers["Idempotent-Replayed"] == "true"
    node.ok("DELETE", f"/users/{name}", headers=three)
    assert node.ok("DELETE", f"/users/{name}", headers=three).headers["Idempotent-Replayed"] == "true"
    four, made = key(), next(a["id"] for a in answers)
    node.ok("DELETE", f"/tokens/{made}", headers=four)
    assert node.ok("DELETE", f"/tokens/{made}", headers=four).headers["Idempotent-Replayed"] == "true"


def test_no_secret_in_the_log(node, user):
    _, password, token = user
    text = node.output()
    assert password not in text and token not in text and node.password not in text


def test_identity_survives_a_restart():
    n = Node().format().start()
    try:
        s, answer = login(n, "admin", n.password)
        token = n.ok("POST", "/tokens", json={"label": "kept"}).json()["token"]
        n.kill()
        n.start()
        assert s.get(n.url("/session")).json()["user"] == "admin"
        assert n.call("GET", "/mounts", token=token).status_code == 200
        n.stop()
    finally:
        n.remove()

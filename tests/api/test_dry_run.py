# SPDX-License-Identifier: Apache-2.0
"""dry_run=true: every call that changes something takes it, checks as it would without, and changes nothing."""
import os
import re
import uuid

import pytest
import requests

from node import TOP, record
from test_files import error
from test_people import user  # noqa: F401

CHANGES = re.findall(r'^ROUTE\((\w+), .*?\bROUTE_CHANGES\b', open(os.path.join(TOP, "rest/v1/routes.def")).read(), re.M)


@pytest.fixture
def newcomer(node):
    """An administrator whose name no file bears yet: (name, token)."""
    name = f"new{uuid.uuid4().hex[:8]}"
    node.ok("POST", "/users", json={"name": name, "password": "a good password", "role": "admin", "groups": [f"g-{name}"]})
    token = requests.post(node.url("/tokens"), json={"label": "t"}, auth=(name, "a good password")).json()["token"]
    yield name, token
    node.call("DELETE", f"/users/{name}")


@pytest.fixture
def things(node, folder, tmp_path, newcomer):
    """What the calls are about, made before: a session, mount, user, token, files, and the call of each route."""
    name, token = newcomer
    fresh = f"somebody-{uuid.uuid4().hex[:8]}"
    os.chmod(tmp_path, 0o755)
    stores = [tmp_path / "a", tmp_path / "b"]
    for s in stores:
        s.mkdir()
        s.chmod(0o777)
    (stores[0] / "f").write_bytes(b"x")
    mount = node.ok("POST", "/mounts", json={"path": f"{folder}/m", "uri": str(stores[0])}).json()
    node.ok("GET", f"/files{folder}/m?list")  # a dry run looks into the store as a read does: nothing is left to be learnt there
    node.put(f"{folder}/f", b"x" * 1000)
    node.put(f"{folder}/cached", b"x" * 1000, write_type="MUST_CACHE")
    node.ok("PUT", f"/files{folder}/d", json={"type": "directory"})
    node.ok("PATCH", f"/files{folder}", json={"mode": "777"})
    s = requests.Session()
    csrf = s.post(node.url("/session"), json={"name": name, "password": "a good password"}).json()["csrf"]
    own = [x["id"] for x in s.get(node.url("/sessions")).json()["items"] if x["current"]][0]
    made = node.ok("POST", "/tokens", json={"label": "to-go"}).json()["id"]
    f = f"/files{folder}"
    calls = {
        "session_delete": ("DELETE", "/session", None, None),
        "sessions_delete": ("DELETE", f"/sessions/{own}", None, None),
        "files_put_content": ("PUT", f"{f}/new", "content", b"bytes"),
        "files_acl_put": ("PUT", f"{f}/f", "acl", {"action": "modify", "entries": [f"user:{fresh}:rw-"]}),
        "files_put": ("PUT", f"{f}/new", None, {"type": "directory"}),
        "files_patch": ("PATCH", f"{f}/f", None, {"owner": fresh, "group": f"g-{fresh}", "mode": "600"}),
        "files_delete": ("DELETE", f"{f}/f", None, None),
        "files_rename": ("POST", f"{f}/f:rename", None, {"to": f"{folder}/g"}),
        "files_copy": ("POST", f"{f}/f:copy", None, {"to": f"{folder}/g"}),
        "files_free": ("POST", f"{f}/f:free", None, {}),
        "files_load": ("POST", f"{f}/m:load", None, {"recursive": True}),
        "files_persist": ("POST", f"{f}/cached:persist", None, {}),
        "files_load_metadata": ("POST", f"{f}/m:load-metadata", None, {"recursive": True}),
        "files_check": ("POST", f"{f}/m:check", None, {"repair": True}),
        "mounts_create": ("POST", "/mounts", None, {"path": f"{folder}/n", "uri": str(stores[1])}),
        "mounts_test": ("POST", "/mounts:test", None, {"path": f"{folder}/n", "uri": str(stores[1])}),
        "mounts_patch": ("PATCH", f"/mounts/{mount['id']}", None, {"shared": True}),
        "mounts_delete": ("DELETE", f"/mounts/{mount['id']}", None, None),
        "stores_mode": ("POST", "/stores:mode", None, {"ufs_root": str(stores[0]), "mode": "readOnly"}),
        "users_create": ("POST", "/users", None, {"name": fresh, "password": "a good password", "role": "viewer"}),
        "users_patch": ("PATCH", f"/users/{name}", None, {"groups": ["other"]}),
        "users_delete": ("DELETE", f"/users/{name}", None, None),
        "tokens_create": ("POST", "/tokens", None, {"label": "new"}),
        "tokens_delete": ("DELETE", f"/tokens/{made}", None, None),
        "journal_checkpoint": ("POST", "/journal:checkpoint", None, None),
        "backups_create": ("POST", "/backups", None, {"passphrase": "long enough"}),
        "config_patch": ("PATCH", "/config", None, {"values": {"isthmus.web.slow.request": "7s"}}),
        "config_paths_put": ("PUT", "/config/paths", None, {"path": folder, "key": "isthmus.user.file.readtype.default", "value": "NO_CACHE"}),
        "log_levels_put": ("PUT", "/logs/levels", None, {"subsystem": "rest", "level": "DEBUG"}),
        "metrics_clear": ("POST", "/metrics:clear", None, None),
    }
    yield {"calls": calls, "session": s, "csrf": csrf, "token": token, "folder": folder, "stores": stores}
    node.call("DELETE", f"/mounts/{mount['id']}")
    node.call("DELETE", f"/tokens/{made}")


def dry(node, things, route, **more):
    method, path, selector, body = things["calls"][route]
    query = {"dry_run": "true", **({selector: ""} if selector else {}), **more}
    kind = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    if route == "session_delete":
        return things["session"].delete(node.url(path), params=query, headers={"X-CSRF-Token": things["csrf"]}, hooks={"response": record})
    return node.call(method, path, token=things["token"], params=query, **kind)


def index(node):
    return int(node.ok("GET", "/journal").json()["applied_index"])


def test_table_is_complete(things):
    assert set(CHANGES) == set(things["calls"])


def test_dry_run_of_all(node, things):
    moved = {}
    for route in things["calls"]:
        before = index(node)
        answer = dry(node, things, route)
        assert answer.status_code == 200, f"{route}: {answer.status_code} {answer.text}"
        assert answer.json()["dry_run"] is True and answer.json()["index"] == "0" and "Set-Cookie" not in answer.headers, f"{route}: {answer.text}"
        if index(node) != before:
            moved[route] = index(node) - before
    assert not moved
    folder = things["folder"]
    assert sorted(e["name"] for e in node.ok("GET", f"/files{folder}?list").json()["items"]) == ["cached", "d", "f", "m"]
    assert node.ok("GET", f"/files{folder}/m/f").json()["cached_bytes"] == 0
    assert node.ok("GET", f"/files{folder}/cached").json()["persistence"] == "NOT_PERSISTED"
    assert things["session"].get(node.url("/session")).ok
    assert os.listdir(things["stores"][1]) == []
    assert {i["subsystem"]: i["level"] for i in node.ok("GET", "/logs/levels").json()["items"]}["rest"] != "DEBUG"
    assert node.ok("GET", "/metrics").json()["metrics"]["Master.TotalRpcs"] > len(CHANGES)


def test_dry_run_counts(node, things):
    def effects(route):
        return {e["code"]: (e["count"], e["bytes"]) for e in dry(node, things, route).json()["effects"]}

    assert effects("files_load") == {"files_loaded": (1, 1)}
    assert effects("files_persist") == {"files_to_persist": (1, 0)}
    (things["stores"][0] / "f").write_bytes(b"longer")
    assert effects("files_check")["entries_to_repair"][0] == 1
    assert effects("files_check")["entries_to_repair"][0] == 1  # it was not repaired


def test_dry_run_checks(node, things, user):
    folder = things["folder"]
    for verb in ["load", "persist", "load-metadata", "check"]:
        error(node.call("POST", f"/files{folder}/none:{verb}?dry_run=true", json={}), 404, "not_found")
        error(node.call("POST", f"/files{folder}/f:{verb}?dry_run=true", json={}, headers={"If-Match": '"0-0-0"'}), 412, "precondition_failed")
    node.ok("PATCH", f"/files{folder}/f", json={"mode": "600"})
    for verb in ["load", "persist", "load-metadata", "check"]:
        error(node.call("POST", f"/files{folder}/f:{verb}?dry_run=true", json={}, token=user[2]), 403, "permission_denied")
    for route in ["journal_checkpoint", "backups_create", "log_levels_put", "metrics_clear", "mounts_test"]:
        method, path, _, body = things["calls"][route]
        error(node.call(method, path + "?dry_run=true", json=body, token=user[2]), 403, "permission_denied")
        assert requests.request(method, node.url(path) + "?dry_run=true", json=body).status_code == 401
    error(node.call("POST", "/backups?dry_run=true", json={"passphrase": "short"}), 400, "invalid_argument")
    error(node.call("PUT", "/logs/levels?dry_run=true", json={"subsystem": "none", "level": "INFO"}), 400, "invalid_argument")

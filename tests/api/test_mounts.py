# SPDX-License-Identifier: Apache-2.0
"""mounts_* and stores_*."""
import os
import time
import uuid

import pytest

from test_files import error


@pytest.fixture
def store(tmp_path):
    os.chmod(tmp_path, 0o755)
    (tmp_path / "hello.txt").write_bytes(b"hello")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x").write_bytes(b"x" * 1000)
    return tmp_path


@pytest.fixture
def mounted(node, store):
    path = f"/m-{uuid.uuid4().hex[:8]}"
    mount = node.ok("POST", "/mounts", json={"path": path, "uri": str(store), "freshness": "manual"}).json()
    yield mount
    node.call("DELETE", f"/mounts/{mount['id']}")


def test_mounts_create_list_delete(node, mounted, store):
    path = mounted["path"]
    assert mounted["uri"] == str(store) and mounted["kind"] == "file" and mounted["etag"]
    assert path in [m["path"] for m in node.ok("GET", "/mounts").json()["items"]]  # mounts_list
    assert node.get(f"{path}/hello.txt") == b"hello"
    assert [e["name"] for e in node.ok("GET", f"/files{path}?list").json()["items"]] == ["hello.txt", "sub"]
    assert node.ok("GET", f"/files{path}").json()["mount_point"]
    node.put(f"{path}/new", b"new")
    assert (store / "new").read_bytes() == b"new"
    node.ok("DELETE", f"/mounts/{mounted['id']}")  # mounts_delete
    error(node.call("GET", f"/files{path}"), 404, "not_found")
    assert (store / "new").read_bytes() == b"new"


def test_mounts_rules(node, mounted, store, tmp_path):
    def mount(path, uri):
        return node.call("POST", "/mounts", json={"path": path, "uri": str(uri)})

    assert mount(mounted["path"], "/usr").status_code in (400, 409)
    assert mount("/other-" + uuid.uuid4().hex[:6], store / "sub").status_code in (400, 409)
    assert mount("/gone-" + uuid.uuid4().hex[:6], "/no/such/folder").status_code in (400, 404, 502)
    assert mount("/kind-" + uuid.uuid4().hex[:6], "gopher://x/y").status_code in (400, 501)
    error(mount("relative", "/usr"), 400, "invalid_path")
    error(node.call("POST", f"/files{mounted['path']}:rename", json={"to": "/elsewhere"}), 409, "conflict")
    node.put("/outside-" + mounted["path"][3:], b"x")
    error(node.call("POST", f"/files/outside-{mounted['path'][3:]}:rename", json={"to": f"{mounted['path']}/x"}), 409, "cross_mount")
    root = [m for m in node.ok("GET", "/mounts").json()["items"] if m["path"] == "/"][0]
    assert node.call("DELETE", f"/mounts/{root['id']}").status_code in (400, 403, 409)
    error(node.call("DELETE", "/mounts/99999"), 404, "not_found")


def test_retries_of_mounts_act_once(node, store):
    def key():
        return {"Idempotency-Key": uuid.uuid4().hex}

    def replayed(answer):
        return answer.headers.get("Idempotent-Replayed") == "true"

    spec, one, two, three, four = {"path": "/r-" + uuid.uuid4().hex[:8], "uri": str(store)}, key(), key(), key(), key()
    first, second = [node.ok("POST", "/mounts", json=spec, headers=one) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201) and not replayed(first) and replayed(second)
    assert first.json()["id"] == second.json()["id"] and second.headers["ETag"] == first.headers["ETag"]
    error(node.call("POST", "/mounts", json={**spec, "read_only": True}, headers=one), 409, "conflict")
    error(node.call("POST", "/mounts", json=spec), 409, "already_exists")
    at = f"/mounts/{first.json()['id']}"
    changed = [node.ok("PATCH", at, json={"shared": True}, headers=two) for _ in range(2)]
    assert [replayed(a) for a in changed] == [False, True] and changed[1].json()["shared"]
    mode = {"ufs_root": str(store), "mode": "readWrite"}
    assert [replayed(node.ok("POST", "/stores:mode", json=mode, headers=three)) for _ in range(2)] == [False, True]
    removed = [node.ok("DELETE", at, headers=four) for _ in range(2)]
    assert [replayed(a) for a in removed] == [False, True] and removed[1].json()["effects"] == []
    assert "index" in node.ok("POST", "/mounts", json=spec, headers=one).json()  # done once, and unmounted since


def test_a_store_has_one_name(node, mounted, store):
    """Two mounts of the same bytes would not know of each other's changes."""
    for uri in [f"file://{store}", f"/{store}", f"{store.parent}//{store.name}", f"{store.parent}/./{store.name}", f"{store}/."]:
        answer = node.call("POST", "/mounts", json={"path": "/twice-" + uuid.uuid4().hex[:6], "uri": uri})
        assert "is a prefix of" in error(answer, 400, "invalid_argument")["message"], uri


def test_own_folders_are_no_store(node):
    for uri in [f"{node.home}/conf", f"file://{node.home}/conf/", f"{node.home}/journal", f"{node.home}/meta", f"{node.home}/cache", node.shm, "/dev"]:
        answer = node.call("POST", "/mounts", json={"path": "/own", "uri": uri})
        assert "keeps its own files" in error(answer, 400, "invalid_argument")["message"], uri


def test_mount_path_with_a_slash_behind(node, store):
    path = "/slash-" + uuid.uuid4().hex[:6]
    mount = node.ok("POST", "/mounts", json={"path": path + "/", "uri": str(store)}).json()
    assert mount["path"] == path
    node.ok("DELETE", f"/mounts/{mount['id']}")


def test_mounts_read_only_and_patch(node, mounted):
    path, url = mounted["path"], f"/mounts/{mounted['id']}"
    changed = node.ok("PATCH", url, json={"read_only": True}).json()  # mounts_patch
    assert changed["read_only"] and changed["freshness"] == "manual"
    refused = node.call("PUT", f"/files{path}/x?content", data=b"x")
    assert refused.status_code == 403 and "readonly mount point" in refused.json()["message"]
    same = {k: changed[k] for k in ("options", "read_only", "shared", "freshness", "interval_ms")}
    assert node.ok("PATCH", url, json=same).json() == changed  # what was read can be sent back
    none = node.call("PATCH", url, json={"freshness": "interval", "interval_ms": -1})
    assert none.status_code == 400 and "interval_ms" in none.text
    node.ok("PATCH", url, json={"read_only": False, "freshness": "interval", "interval_ms": 0})
    node.put(f"{path}/x", b"x")


def test_freshness_interval_zero_sees_changes(node, mounted, store):
    path = mounted["path"]
    node.ok("PATCH", f"/mounts/{mounted['id']}", json={"freshness": "interval", "interval_ms": 0})
    assert node.get(f"{path}/hello.txt") == b"hello"
    (store / "hello.txt").write_bytes(b"changed behind")
    assert node.get(f"{path}/hello.txt") == b"changed behind"
    (store / "more").write_bytes(b"more")
    assert "more" in [e["name"] for e in node.ok("GET", f"/files{path}?list").json()["items"]]
    os.remove(store / "more")
    error(node.call("GET", f"/files{path}/more"), 404, "not_found")


def test_freshness_never_answers_from_the_database(node, store):
    path = f"/n-{uuid.uuid4().hex[:8]}"
    mount = node.ok("POST", "/mounts", json={"path": path, "uri": str(store), "freshness": "never"}).json()
    assert len(node.ok("GET", f"/files{path}?list").json()["items"]) == 2
    (store / "late").write_bytes(b"late")
    assert len(node.ok("GET", f"/files{path}?list").json()["items"]) == 2
    node.ok("POST", f"/files{path}:load-metadata", json={})
    assert len(node.ok("GET", f"/files{path}?list").json()["items"]) == 3
    node.ok("DELETE", f"/mounts/{mount['id']}")


def test_mounts_test(node, store):
    good = node.ok("POST", "/mounts:test", json={"path": "/t", "uri": str(store)}).json()
    assert good["ok"] and all(s["state"] in ("ok", "skipped") for s in good["steps"])
    began = time.monotonic()
    dead = node.ok("POST", "/mounts:test", json={"path": "/t", "uri": "s3://bucket/x", "options": {
        "isthmus.underfs.s3.endpoint": "http://127.0.0.1:1", "s3a.accessKeyId": "k", "s3a.secretKey": "s3cr3t-value"}}).json()
    assert time.monotonic() - began < 11 and not dead["ok"]
    failed = [s for s in dead["steps"] if s["state"] == "failed"][0]
    assert failed["error"]["code"] == "store_unreachable"
    bad = node.call("POST", "/mounts:test", json={"path": "/t", "uri": "s3://bucket/x", "options": {"no.such.option": "1"}})
    assert bad.status_code == 400 or not bad.json()["ok"]
    assert "s3cr3t-value" not in node.output()


def test_dead_store_is_refused_within_ten_seconds(node):
    began = time.monotonic()
    answer = node.call("POST", "/mounts", json={"path": "/dead", "uri": "s3://bucket/x", "options": {
        "isthmus.underfs.s3.endpoint": "http://127.0.0.1:1", "s3a.accessKeyId": "k", "s3a.secretKey": "s"}})
    assert answer.status_code >= 400 and time.monotonic() - began < 11
    error(node.call("GET", "/files/dead"), 404, "not_found")


def test_stores_mode(node, mounted, store):
    path = mounted["path"]
    node.ok("POST", "/stores:mode", json={"ufs_root": str(store), "mode": "readOnly"})
    assert node.call("PUT", f"/files{path}/x?content", data=b"x").status_code in (403, 409)
    assert node.get(f"{path}/hello.txt") == b"hello"
    node.ok("POST", "/stores:mode", json={"ufs_root": str(store), "mode": "readWrite"})
    node.put(f"{path}/x", b"x")
    error(node.call("POST", "/stores:mode", json={"ufs_root": str(store), "mode": "sometimes"}), 400, "invalid_argument")


def test_stores_kinds(node):
    kinds = {k["kind"]: k for k in node.ok("GET", "/stores/kinds").json()["items"]}
    assert "file" in kinds and "s3" in kinds
    assert any(f["name"] == "s3a.secretKey" and f["type"] == "secret" for f in kinds["s3"]["fields"])

# SPDX-License-Identifier: Apache-2.0
"""The node itself: overview, workers, journal, backup and restore, doctor, tasks, config, logs, metrics, openapi, the page."""
import os
import subprocess

import requests

from document import Document
from node import Node, daemon_path
from test_files import error


def test_openapi(node):
    doc = node.ok("GET", "/openapi.json").json()
    assert doc["openapi"] == "3.1.0" and "/files/{path}" in doc["paths"]
    names = set(doc["components"]["schemas"])

    def refs(x):
        if isinstance(x, dict):
            for k, v in x.items():
                if k == "$ref":
                    yield v.rsplit("/", 1)[1]
                else:
                    yield from refs(v)
        elif isinstance(x, list):
            for v in x:
                yield from refs(v)

    assert set(refs(doc)) <= names


def test_openapi_says_what_is_refused(node):
    """Refused before they are sent, by whoever reads the document; and refused here."""
    doc = node.ok("GET", "/openapi.json").json()
    document = Document(doc)
    for method, path, body in [("POST", "/users", {"name": "x y", "password": "long enough"}), ("POST", "/users", {"name": "nopassword"}),
                               ("POST", "/tokens", {"label": ""}), ("POST", "/tokens", {"label": "x", "scope": "here"}), ("POST", "/backups", {"passphrase": "short"}),
                               ("POST", "/mounts", {"path": "m", "uri": "file:///x"}), ("POST", "/mounts", {"path": "/m", "uri": ""}),
                               ("PATCH", "/files/", {"mode": "999"}), ("PATCH", "/files/", {"ttl": {"action": "FREE"}}), ("PATCH", "/files/", {"owner": ""}),
                               ("PATCH", "/files/", {"nonsense": 1}), ("POST", "/files/x:rename", {"to": "y"}), ("PUT", "/logs/levels", {"subsystem": "x", "level": "INFO"}),
                               ("PUT", "/config/paths", {"path": "x", "key": "y"}), ("PUT", "/files/x", {"type": "socket"})]:
        op = document.operation(method, path)
        assert document.errors(op["requestBody"]["content"]["application/json"]["schema"], body), (method, path, body)
        assert node.call(method, path, json=body).status_code == 400, (method, path, body)
    assert [p["schema"]["pattern"] for p in doc["paths"]["/files/{path}"]["get"]["parameters"] if p["in"] == "path"]
    assert doc["paths"]["/mounts"]["post"]["requestBody"]["required"] and not doc["paths"]["/files/{path}:free"]["post"]["requestBody"]["required"]


def test_overview_and_workers_list(node, folder):
    node.put(f"{folder}/x", b"x" * 100_000)
    overview = node.ok("GET", "/overview").json()
    assert overview["namespace"]["files"] >= 1 and overview["journal"]["state"] == "leader"
    tiers = node.ok("GET", "/workers").json()["items"][0]["tiers"]
    assert [t["alias"] for t in tiers] == ["MEM", "SSD"] and all(t["used_bytes"] <= t["quota_bytes"] for t in tiers)


def test_journal_get_and_journal_checkpoint(node, folder):
    before = node.ok("GET", "/journal").json()
    node.put(f"{folder}/x", b"x")
    node.ok("POST", "/journal:checkpoint")
    after = node.ok("GET", "/journal").json()
    assert int(after["applied_index"]) > int(before["applied_index"]) and int(after["snapshot_index"]) >= int(before["applied_index"])


def test_doctor_finds_nothing(node):
    assert node.ok("GET", "/doctor").json()["items"] == []


def test_tasks_list(node):
    assert "items" in node.ok("GET", "/tasks").json()


def test_config_get_and_config_patch(node):
    items = {i["key"]: i for i in node.ok("GET", "/config").json()["items"]}
    assert items["isthmus.master.web.port"]["value"] == str(node.port) and not items["isthmus.master.web.port"]["live"]
    node.ok("PATCH", "/config", json={"values": {"isthmus.web.slow.request": "2s"}})
    one = node.ok("GET", "/config", params={"key": "isthmus.web.slow.request"}).json()["items"]
    assert len(one) == 1 and one[0]["value"] == "2s" and one[0]["source"].startswith("RUNTIME")
    error(node.call("PATCH", "/config", json={"values": {"isthmus.master.web.port": "1"}}), 409, "conflict")
    error(node.call("PATCH", "/config", json={"values": {"isthmus.no.such": "1"}}), 404, "not_found")
    assert node.call("PATCH", "/config", json={"values": {"isthmus.web.slow.request": "soon"}}).status_code == 400


def test_config_paths_get_and_config_paths_put(node, folder):
    key = "isthmus.user.file.writetype.default"
    node.ok("PUT", "/config/paths", json={"path": folder, "key": key, "value": "MUST_CACHE"})
    assert {"path": folder, "key": key, "value": "MUST_CACHE"} in node.ok("GET", "/config/paths").json()["items"]
    assert node.put(f"{folder}/x", b"x")["persistence"] == "NOT_PERSISTED"
    node.ok("PUT", "/config/paths", json={"path": folder, "key": key, "value": None})
    assert node.put(f"{folder}/y", b"y")["persistence"] == "PERSISTED"
    assert node.call("PUT", "/config/paths", json={"path": folder, "key": "isthmus.master.web.port", "value": "1"}).status_code in (400, 409)


def test_log_levels_get_log_levels_put_and_logs_get(node):
    node.ok("PUT", "/logs/levels", json={"subsystem": "rest", "level": "DEBUG"})
    assert {"subsystem": "rest", "level": "DEBUG"} in node.ok("GET", "/logs/levels").json()["items"]
    node.ok("PUT", "/logs/levels", json={"subsystem": "rest", "level": "INFO"})
    lines = node.ok("GET", "/logs", params={"lines": 5}).json()["items"]
    assert 1 <= len(lines) <= 5 and any("log_levels_put" in line for line in lines)
    error(node.call("PUT", "/logs/levels", json={"subsystem": "nothing", "level": "INFO"}), 400, "invalid_argument")


def test_metrics(node, folder):
    node.put(f"{folder}/x", b"x")
    values = node.ok("GET", "/metrics").json()["metrics"]
    assert values
    text = requests.get(f"http://127.0.0.1:{node.port}/metrics", headers={"Authorization": f"Bearer {node.token}"}).text
    assert "# TYPE isthmus_" in text


def test_page_needs_no_identity_and_is_safe(node):
    base = f"http://127.0.0.1:{node.port}"
    answer = requests.get(base + "/")
    assert answer.status_code == 200 and answer.url.endswith("/ui/") and "<html" in answer.text
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert requests.get(base + "/ui/browse/some/path").status_code == 200
    assert requests.get(base + "/ui/assets/none.js").status_code == 404
    assert requests.get(base + "/etc/passwd").status_code == 404
    assert requests.get(base + "/ui/../../etc/passwd").status_code in (200, 404)
    assert requests.post(base + "/ui/").status_code == 405


def test_backups_create_and_restore(tmp_path):
    n = Node().format().start()
    try:
        for i in range(50):
            n.put(f"/d/f{i}", str(i).encode(), recursive="true")
        n.ok("POST", "/users", json={"name": "ann", "password": "a good password"})
        error(n.call("POST", "/backups", json={"passphrase": "short"}), 400, "invalid_argument")
        backup = n.ok("POST", "/backups", json={"passphrase": "correct horse"}).content
        assert b"a good password" not in backup and n.token.encode() not in backup
        n.stop()
        (tmp_path / "b.isb").write_bytes(backup)
        other = Node(options=n.options | {"isthmus.master.mount.table.root.ufs": f"{n.home}/store"})
        other.options["isthmus.master.web.port"] = str(other.port)
        run = lambda word, file="b.isb": subprocess.run(
            [daemon_path(), "--home", other.home, "restore", str(tmp_path / file)], env=dict(os.environ, ISTHMUS_PASSPHRASE=word), capture_output=True, text=True)
        wrong = run("wrong horse!")
        assert wrong.returncode != 0 and "passphrase" in wrong.stderr
        for length in [0, 1, 40, len(backup) // 2, len(backup) - 100, len(backup) - 40, len(backup) - 1]:
            (tmp_path / "cut.isb").write_bytes(backup[:length])
            cut = run("correct horse", "cut.isb")
            assert cut.returncode != 0 and "ends early" in cut.stderr, (length, cut.stderr)
        (tmp_path / "bad.isb").write_bytes(backup[:-1] + bytes([backup[-1] ^ 1]))
        assert run("correct horse", "bad.isb").returncode != 0
        right = run("correct horse")
        assert right.returncode == 0, right.stderr
        other.token = n.token
        other.start()
        assert sorted(e["name"] for e in other.ok("GET", "/files/d?list").json()["items"]) == sorted(f"f{i}" for i in range(50))
        assert other.get("/d/f7") == b"7"
        assert requests.get(other.url("/session"), auth=("ann", "a good password")).json()["user"] == "ann"
        other.put("/d/new", b"new")
        assert other.ok("GET", "/doctor").json()["items"] == []
        other.stop()
        other.remove()
    finally:
        n.remove()


def test_metrics_clear(node):
    node.ok("GET", "/metrics")
    node.ok("POST", "/metrics:clear")
    assert node.ok("GET", "/metrics").json()["metrics"]["Master.TotalRpcs"] < 10

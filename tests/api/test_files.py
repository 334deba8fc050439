# SPDX-License-Identifier: Apache-2.0
"""files_*: entries, content, listings, changes.  The names of routes stand in the names of tests."""
import base64
import concurrent.futures
import os
import time
import uuid

import pytest


def error(answer, status, code):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["code"] == code and body["message"] and body["detail"] and body["request_id"], body
    return body


def test_files_put_content_and_files_content(node, folder):
    data = os.urandom(300_000)
    entry = node.put(f"{folder}/a.bin", data)
    assert entry["length"] == len(data) and entry["completed"] and entry["persistence"] == "PERSISTED"
    assert node.get(f"{folder}/a.bin") == data
    assert open(f"{node.home}/store{folder}/a.bin", "rb").read() == data


@pytest.mark.parametrize("write_type", ["MUST_CACHE", "CACHE_THROUGH", "THROUGH", "ASYNC_THROUGH"])
def test_write_types(node, folder, write_type):
    data = os.urandom(2_500_000)
    node.put(f"{folder}/f", data, write_type=write_type)
    for read_type in ["NO_CACHE", "CACHE", "CACHE_PROMOTE"]:
        got = node.ok("GET", f"/files{folder}/f", params={"content": "", "read_type": read_type}).content
        assert got == data
    entry = node.ok("GET", f"/files{folder}/f").json()
    if write_type == "MUST_CACHE":
        assert entry["persistence"] == "NOT_PERSISTED"
        assert not os.path.exists(f"{node.home}/store{folder}/f")
    else:
        end = time.monotonic() + 20
        while node.ok("GET", f"/files{folder}/f").json()["persistence"] != "PERSISTED":
            assert time.monotonic() < end
        assert open(f"{node.home}/store{folder}/f", "rb").read() == data


def test_empty_file(node, folder):
    assert node.put(f"{folder}/empty", b"")["length"] == 0
    assert node.get(f"{folder}/empty") == b""
    assert node.call("GET", f"/files{folder}/empty?content", headers={"Range": "bytes=0-1"}).status_code == 416


def test_ranges(node, folder):
    data = bytes(range(256)) * 40
    node.put(f"{folder}/r", data)

    def part(value):
        return node.call("GET", f"/files{folder}/r?content", headers={"Range": value})

    for value, wanted in [("bytes=0-0", data[:1]), ("bytes=100-199", data[100:200]), ("bytes=10000-", data[10000:]),
                          ("bytes=-5", data[-5:]), ("bytes=0-999999", data), ("bytes=-999999", data)]:
        answer = part(value)
        assert answer.status_code == 206 and answer.content == wanted, value
        assert answer.headers["Content-Range"].endswith(f"/{len(data)}")
    error(part(f"bytes={len(data)}-"), 416, "range")
    assert part(f"bytes={len(data)}-").headers["Content-Range"] == f"bytes */{len(data)}"
    for ignored in ["bytes=5-1", "bytes=a-b", "items=0-1", "bytes=0-1,5-6", "bytes=", "bytes=-"]:
        assert part(ignored).status_code == 200 and part(ignored).content == data, ignored
    tag = part("bytes=0-0").headers["ETag"]
    assert node.call("GET", f"/files{folder}/r?content", headers={"Range": "bytes=0-0", "If-Range": tag}).status_code == 206
    assert node.call("GET", f"/files{folder}/r?content", headers={"Range": "bytes=0-0", "If-Range": '"x"'}).status_code == 200


def test_conditions(node, folder):
    node.put(f"{folder}/c", b"one")
    first = node.ok("GET", f"/files{folder}/c?content")
    tag = first.headers["ETag"]
    assert node.call("GET", f"/files{folder}/c?content", headers={"If-None-Match": tag}).status_code == 304
    assert node.call("GET", f"/files{folder}/c", headers={"If-None-Match": tag}).status_code == 304
    error(node.call("GET", f"/files{folder}/c?content", headers={"If-Match": '"other"'}), 412, "precondition_failed")
    put = lambda headers: node.call("PUT", f"/files{folder}/c?content", headers=headers, data=b"two")
    error(put({"If-None-Match": "*"}), 412, "precondition_failed")
    error(put({}), 409, "already_exists")
    assert put({"If-Match": tag}).status_code == 200
    error(put({"If-Match": tag}), 412, "precondition_failed")
    assert node.get(f"{folder}/c") == b"two"
    assert node.ok("GET", f"/files{folder}/c?content").headers["ETag"] != tag


def test_head(node, folder):
    node.put(f"{folder}/h", b"x" * 1000)
    answer = node.call("HEAD", f"/files{folder}/h?content")
    assert answer.status_code == 200 and answer.headers["Content-Length"] == "1000" and answer.content == b""


def test_files_get_and_errors(node, folder):
    error(node.call("GET", f"/files{folder}/nope"), 404, "not_found")
    error(node.call("GET", f"/files{folder}?content"), 409, "is_directory")
    error(node.call("GET", "/files/a//b"), 400, "invalid_path")
    error(node.call("GET", "/files/x%00y"), 400, "invalid_argument")
    error(node.call("GET", "/files/" + "n" * 300), 400, "name_too_long")
    error(node.call("GET", f"/files{folder}?nonsense=1"), 400, "invalid_argument")
    entry = node.ok("GET", f"/files{folder}").json()
    assert entry["type"] == "directory" and entry["children"] == 0 and entry["ufs_path"].endswith(folder)
    error(node.call("POST", f"/files{folder}"), 405, "method_not_allowed")
    error(node.call("GET", "/nothing-here"), 404, "not_found")


def test_names(node, folder):
    for name in ["a b", "ü", "漢字", "a+b", "100%", "a?b", "a#b", "quo\"te", "-dash", "x" * 255, "a:rename", "%41"]:
        quoted = "".join(f"%{b:02X}" for b in name.encode())
        node.put(f"{folder}/{quoted}", name.encode())
        assert node.get(f"{folder}/{quoted}") == name.encode()
        assert node.ok("GET", f"/files{folder}/{quoted}").json()["name"] == name
    listed = node.ok("GET", f"/files{folder}?list").json()
    assert listed["total"] == 12
    names = [e["name"].encode() for e in listed["items"]]
    assert names == sorted(names)


def test_files_list_pages(node, folder):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: node.put(f"{folder}/f{i:04}", b"", write_type="MUST_CACHE"), range(500)))
    seen, cursor = [], None
    while True:
        page = node.ok("GET", f"/files{folder}", params={"list": "", "limit": 37, **({"cursor": cursor} if cursor else {})}).json()
        assert page["total"] == 500
        seen += [e["name"] for e in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [f"f{i:04}" for i in range(500)]
    at = node.ok("GET", f"/files{folder}", params={"list": "", "limit": 3, "offset": 250}).json()
    assert [e["name"] for e in at["items"]] == ["f0250", "f0251", "f0252"]
    some = node.ok("GET", f"/files{folder}", params={"list": "", "prefix": "f01"}).json()
    assert len(some["items"]) == 100
    error(node.call("GET", f"/files{folder}", params={"list": "", "cursor": "%%%"}), 400, "invalid_argument")
    error(node.call("GET", f"/files{folder}", params={"list": "", "limit": 10_001}), 400, "invalid_argument")
    alone = node.ok("GET", f"/files{folder}/f0001?list").json()  # a file lists itself
    assert [e["name"] for e in alone["items"]] == ["f0001"]


def test_files_list_recursive(node, folder):
    for path in ["a/b/c", "a/d", "e"]:
        node.put(f"{folder}/{path}", b"x", recursive="true")
    items = node.ok("GET", f"/files{folder}?list&recursive=true").json()["items"]
    assert [e["path"][len(folder):] for e in items] == ["/a", "/a/b", "/a/b/c", "/a/d", "/e"]


def test_files_put_directory_and_symlink(node, folder):
    error(node.call("PUT", f"/files{folder}/x/y", json={"type": "directory"}), 404, "not_found")
    node.ok("PUT", f"/files{folder}/x/y", json={"type": "directory", "recursive": True, "mode": "750"})
    assert node.ok("GET", f"/files{folder}/x/y").json()["mode"] == "750"
    error(node.call("PUT", f"/files{folder}/x", json={"type": "directory"}), 409, "already_exists")
    node.ok("PUT", f"/files{folder}/x", json={"type": "directory", "allow_exists": True})
    link = node.ok("PUT", f"/files{folder}/l", json={"type": "symlink", "target": "x/y"}).json()
    assert link["type"] == "symlink" and link["target"] == "x/y"
    error(node.call("PUT", f"/files{folder}/m", json={"type": "socket"}), 400, "invalid_argument")
    error(node.call("PUT", f"/files{folder}/m", data=b"{not json"), 400, "invalid_argument")
    error(node.call("PUT", f"/files{folder}/m", json={"type": "directory", "nonsense": 1}), 400, "invalid_argument")


def test_files_patch(node, folder):
    node.put(f"{folder}/p", b"x")
    change = {"mode": "640", "owner": "ann", "group": "staff", "pinned": True, "ttl": {"after_ms": 86_400_000, "action": "FREE"},
              "replication_min": 1, "replication_max": 3, "modified": "2020-02-03T04:05:06Z", "xattrs": {"user.k": base64.b64encode(b"v").decode()}}
    entry = node.ok("PATCH", f"/files{folder}/p", json=change).json()
    assert (entry["mode"], entry["owner"], entry["group"], entry["pinned"]) == ("640", "ann", "staff", True)
    assert entry["ttl"] == {"after_ms": 86_400_000, "action": "FREE"} and entry["modified"].startswith("2020-02-03T04:05:06")
    assert (entry["replication_min"], entry["replication_max"]) == (1, 3)
    again = node.ok("PATCH", f"/files{folder}/p", json={"ttl": None, "pinned": False}).json()
    assert again["ttl"] is None and not again["pinned"] and again["owner"] == "ann"
    error(node.call("PATCH", f"/files{folder}/p", json={"mode": "999"}), 400, "invalid_argument")
    for change in [{"owner": "o" * 256}, {"group": "g" * 5000}, {"xattrs": {"user." + "x" * 5000: ""}}, {"owner": "o" * 5000, "mode": "600"}]:
        assert node.call("PATCH", f"/files{folder}/p", json=change).status_code == 400
    entry = node.ok("PATCH", f"/files{folder}/p", json={"owner": "o" * 255}).json()
    assert (entry["owner"], entry["group"], entry["mode"]) == ("o" * 255, "staff", "640")
    error(node.call("PATCH", f"/files{folder}/nope", json={"mode": "600"}), 404, "not_found")
    error(node.call("PATCH", f"/files{folder}/p", json={"mode": "600"}, headers={"If-Match": '"old"'}), 412, "precondition_failed")


def test_files_patch_recursive(node, folder):
    for path in ["a/b/c", "a/d"]:
        node.put(f"{folder}/{path}", b"x", recursive="true")
    node.ok("PATCH", f"/files{folder}/a", json={"mode": "700", "recursive": True})
    end = time.monotonic() + 20
    while node.ok("GET", f"/files{folder}/a/b/c").json()["mode"] != "700":
        assert time.monotonic() < end
    assert node.ok("GET", f"/files{folder}/a/d").json()["mode"] == "700"


def test_files_xattrs(node, folder):
    node.put(f"{folder}/x", b"")
    node.ok("PATCH", f"/files{folder}/x", json={"xattrs": {"user.a": "AAE=", "user.b": ""}})
    got = node.ok("GET", f"/files{folder}/x?xattrs").json()["xattrs"]
    assert got["user.a"] == "AAE=" and got["user.b"] == ""
    node.ok("PATCH", f"/files{folder}/x", json={"xattrs": {"user.a": None}})
    assert "user.a" not in node.ok("GET", f"/files{folder}/x?xattrs").json()["xattrs"]
    error(node.call("PATCH", f"/files{folder}/x", json={"xattrs": {"user.big": base64.b64encode(b"x" * 40_000).decode()}}), 413, "too_large")


def test_files_acl_get_and_files_acl_put(node, folder):
    node.put(f"{folder}/x", b"")
    node.ok("PUT", f"/files{folder}/x?acl", json={"action": "modify", "entries": ["user:ann:rw-", "group:dev:r-x"]})
    acl = node.ok("GET", f"/files{folder}/x?acl").json()
    assert "user:ann:rw-" in acl["entries"] and "group:dev:r-x" in acl["entries"] and any(e.startswith("mask::") for e in acl["entries"])
    assert node.ok("GET", f"/files{folder}/x").json()["extended_acl"]
    node.ok("PUT", f"/files{folder}/x?acl", json={"action": "remove_all"})
    assert not any("ann" in e for e in node.ok("GET", f"/files{folder}/x?acl").json()["entries"])
    node.ok("PUT", f"/files{folder}?acl", json={"action": "modify", "entries": ["default:user:ann:r--"]})
    node.put(f"{folder}/y", b"")
    assert any(e.startswith("user:ann:r--") for e in node.ok("GET", f"/files{folder}/y?acl").json()["entries"])
    error(node.call("PUT", f"/files{folder}/x?acl", json={"action": "modify", "entries": ["user:ann:rwz"]}), 400, "invalid_argument")


def test_files_rename(node, folder):
    data = os.urandom(5000)
    node.put(f"{folder}/a", data)
    node.ok("PUT", f"/files{folder}/d", json={"type": "directory"})
    node.ok("POST", f"/files{folder}/a:rename", json={"to": f"{folder}/d/b"})
    assert node.get(f"{folder}/d/b") == data and open(f"{node.home}/store{folder}/d/b", "rb").read() == data
    error(node.call("GET", f"/files{folder}/a"), 404, "not_found")
    assert not os.path.exists(f"{node.home}/store{folder}/a")
    node.ok("POST", f"/files{folder}/d:rename", json={"to": f"{folder}/e"})
    assert node.get(f"{folder}/e/b") == data and os.path.exists(f"{node.home}/store{folder}/e/b")
    error(node.call("POST", f"/files{folder}/e:rename", json={"to": f"{folder}/e/inside"}), 400, "invalid_argument")
    error(node.call("POST", f"/files{folder}/nope:rename", json={"to": f"{folder}/x"}), 404, "not_found")
    error(node.call("POST", "/files/:rename", json={"to": "/x"}), 400, "invalid_argument")
    node.put(f"{folder}/t", b"target")
    error(node.call("POST", f"/files{folder}/e/b:rename", json={"to": f"{folder}/t"}), 409, "already_exists")
    node.ok("POST", f"/files{folder}/e/b:rename", json={"to": f"{folder}/t", "overwrite": True})
    assert node.get(f"{folder}/t") == data


def test_files_copy(node, folder):
    for path in ["s/a", "s/b/c"]:
        node.put(f"{folder}/{path}", path.encode() * 1000, recursive="true")
    node.ok("POST", f"/files{folder}/s/a:copy", json={"to": f"{folder}/copy"})
    assert node.get(f"{folder}/copy") == b"s/a" * 1000
    error(node.call("POST", f"/files{folder}/s:copy", json={"to": f"{folder}/t"}), 409, "is_directory")
    node.ok("POST", f"/files{folder}/s:copy", json={"to": f"{folder}/t", "recursive": True})
    assert node.get(f"{folder}/t/b/c") == b"s/b/c" * 1000
    node.ok("PUT", f"/files{folder}/s/b/link", json={"type": "symlink", "target": "nowhere"})
    node.ok("POST", f"/files{folder}/s:copy", json={"to": f"{folder}/u", "recursive": True})
    assert node.ok("GET", f"/files{folder}/u/b/link").json()["target"] == "nowhere" and node.get(f"{folder}/u/b/c") == b"s/b/c" * 1000


def test_files_delete(node, folder):
    node.put(f"{folder}/d/e/f", b"x", recursive="true")
    error(node.call("DELETE", f"/files{folder}/d"), 409, "not_empty")
    dry = node.ok("DELETE", f"/files{folder}/d?recursive=true&dry_run=true").json()
    assert dry["dry_run"] and {e["code"]: e["count"] for e in dry["effects"]}["files_removed"] == 1
    assert node.get(f"{folder}/d/e/f") == b"x"
    node.ok("DELETE", f"/files{folder}/d?recursive=true")
    error(node.call("GET", f"/files{folder}/d"), 404, "not_found")
    end = time.monotonic() + 20
    while os.path.exists(f"{node.home}/store{folder}/d"):
        assert time.monotonic() < end
    error(node.call("DELETE", "/files/?recursive=true"), 400, "invalid_argument")
    error(node.call("DELETE", f"/files{folder}/d"), 404, "not_found")
    node.put(f"{folder}/k", b"keep")
    node.ok("DELETE", f"/files{folder}/k?only_here=true")
    assert open(f"{node.home}/store{folder}/k", "rb").read() == b"keep"


def test_files_free_and_files_load(node, folder):
    data = os.urandom(3_000_000)
    node.put(f"{folder}/x", data)
    node.ok("POST", f"/files{folder}/x:load", json={})
    assert node.ok("GET", f"/files{folder}/x").json()["cached_bytes"] == len(data)
    node.ok("POST", f"/files{folder}/x:free", json={})
    assert node.ok("GET", f"/files{folder}/x").json()["cached_bytes"] == 0
    assert node.get(f"{folder}/x") == data
    node.put(f"{folder}/m", b"only here", write_type="MUST_CACHE")
    error(node.call("POST", f"/files{folder}/m:free", json={}), 409, "not_persisted")
    assert node.get(f"{folder}/m") == b"only here"
    error(node.call("POST", f"/files{folder}:free", json={}), 409, "not_empty")


def test_files_persist(node, folder):
    node.put(f"{folder}/m", b"to the store", write_type="MUST_CACHE")
    node.ok("POST", f"/files{folder}/m:persist", json={"wait": True})
    assert node.ok("GET", f"/files{folder}/m").json()["persistence"] == "PERSISTED"
    assert open(f"{node.home}/store{folder}/m", "rb").read() == b"to the store"


def test_files_load_metadata_and_files_check(node, folder):
    node.put(f"{folder}/seen", b"1")
    store = f"{node.home}/store{folder}"
    open(f"{store}/behind", "wb").write(b"made behind")
    os.remove(f"{store}/seen")
    items = {i["path"]: i["what"] for i in node.ok("POST", f"/files{folder}:check", json={"repair": False}).json()["items"]}
    assert items == {f"{folder}/behind": "missing_here", f"{folder}/seen": "missing_in_store"}
    node.ok("POST", f"/files{folder}:load-metadata", json={"recursive": True, "forced": True})
    assert [e["name"] for e in node.ok("GET", f"/files{folder}?list").json()["items"]] == ["behind"]
    assert node.get(f"{folder}/behind") == b"made behind"
    open(f"{store}/behind", "wb").write(b"changed behind our back")
    node.ok("POST", f"/files{folder}/behind:load-metadata", json={"forced": True})
    assert node.get(f"{folder}/behind") == b"changed behind our back"


def test_cached_old_version_is_not_served_when_uncached_read_sees_new(node, folder):
    data = os.urandom(2_000_000)
    node.put(f"{folder}/v", data, write_type="THROUGH")
    new = os.urandom(1_000_000)
    open(f"{node.home}/store{folder}/v", "wb").write(new)
    assert node.get(f"{folder}/v") == new


def test_files_usage_blocks_and_by_id(node, folder):
    node.put(f"{folder}/u/a", b"x" * 100, recursive="true")
    usage = node.ok("GET", f"/files{folder}?usage").json()
    assert (usage["files"], usage["bytes"]) == (1, 100) and usage["directories"] >= 1
    blocks = node.ok("GET", f"/files{folder}/u/a?blocks").json()
    assert len(blocks["items"]) == 1 and blocks["items"][0]["length"] == 100
    entry = node.ok("GET", f"/files{folder}/u/a").json()
    assert node.ok("GET", f"/files-by-id/{entry['id']}").json()["path"] == f"{folder}/u/a"  # files_by_id
    error(node.call("GET", "/files-by-id/99999999999"), 404, "not_found")  # files_blocks files_usage


def test_changes(node, folder):
    start = node.ok("GET", "/journal").json()["applied_index"]
    answer = node.ok("PUT", f"/files{folder}/x", json={"type": "directory"})
    index = answer.headers.get("X-Isthmus-Index")
    items = node.ok("GET", "/changes", params={"from": start, "wait_ms": 2000}).json()["items"]
    assert any(i["kind"] == "MKDIR" for i in items)
    assert node.ok("GET", f"/files{folder}/x", headers={"X-Isthmus-Index": index}).status_code == 200
    error(node.call("GET", f"/files{folder}/x", headers={"X-Isthmus-Index": str(int(index) + 1_000_000)}), 504, "timeout")


def test_idempotency(node, folder):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = node.ok("POST", f"/files{folder}:rename", json={"to": folder + "-r"}, headers=key)
    second = node.ok("POST", f"/files{folder}:rename", json={"to": folder + "-r"}, headers=key)
    assert "Idempotent-Replayed" not in first.headers and second.headers["Idempotent-Replayed"] == "true"
    error(node.call("POST", f"/files{folder}-r:rename", json={"to": folder}, headers=key), 409, "conflict")
    node.ok("POST", f"/files{folder}-r:rename", json={"to": folder})
    key = {"Idempotency-Key": uuid.uuid4().hex}
    for replay in [False, True, True]:
        answer = node.ok("PUT", f"/files{folder}/once?content", data=b"once", headers=key)
        assert ("Idempotent-Replayed" in answer.headers) == replay
    assert node.get(f"{folder}/once") == b"once"


def test_idempotency_of_the_same_request_at_the_same_time(node, folder):
    for write_type in ["THROUGH", "MUST_CACHE", "ASYNC_THROUGH"]:
        path = f"{folder}/once-{write_type}"
        key = {"Idempotency-Key": uuid.uuid4().hex}

        def put(_):
            return node.call("PUT", f"/files{path}?content&overwrite=true&write_type={write_type}", data=b"z" * 100_000, headers=key, timeout=20)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(put, range(8)))
        assert all(a.status_code in (200, 201) for a in answers), [a.text for a in answers]
        assert sum("Idempotent-Replayed" not in a.headers for a in answers) == 1
        assert len({a.json()["id"] for a in answers}) == 1 and node.get(path) == b"z" * 100_000
    assert node.ok("GET", "/doctor").json()["items"] == []


def test_idempotency_key_with_another_request(node, folder):
    def key():
        return {"Idempotency-Key": uuid.uuid4().hex}

    one = key()
    node.ok("PUT", f"/files{folder}/f?content", data=b"one", headers=one)
    error(node.call("PUT", f"/files{folder}/f?content", data=b"three", headers=one), 409, "conflict")
    error(node.call("PUT", f"/files{folder}/f?content&overwrite=true", data=b"one", headers=one), 409, "conflict")
    two = key()
    node.ok("PATCH", f"/files{folder}/f", json={"mode": "600"}, headers=two)
    error(node.call("PATCH", f"/files{folder}/f", json={"mode": "640"}, headers=two), 409, "conflict")
    assert node.ok("PATCH", f"/files{folder}/f", json={"mode": "600"}, headers=two).headers["Idempotent-Replayed"] == "true"
    node.ok("DELETE", f"/files{folder}/f")
    again = node.call("PUT", f"/files{folder}/f?content", data=b"one", headers=one)  # done once, and removed since
    assert again.status_code == 201 and again.json()["index"] and again.headers["Idempotent-Replayed"] == "true"


def test_idempotency_key_with_content_of_the_same_length(node, folder):
    for write_type in ["CACHE_THROUGH", "MUST_CACHE"]:
        path = f"/files{folder}/same-{write_type}?content&write_type={write_type}"
        one = {"Idempotency-Key": uuid.uuid4().hex}
        node.ok("PUT", path, data=b"one", headers=one)
        assert node.ok("PUT", path, data=b"one", headers=one).headers["Idempotent-Replayed"] == "true"
        error(node.call("PUT", path, data=b"two", headers=one), 409, "conflict")
        assert node.get(f"{folder}/same-{write_type}") == b"one"
    big, two = b"x" * (2 << 20), {"Idempotency-Key": uuid.uuid4().hex}
    node.ok("PUT", f"/files{folder}/big?content", data=big, headers={**two, "Content-MD5": "a"})
    assert node.ok("PUT", f"/files{folder}/big?content", data=big, headers={**two, "Content-MD5": "a"}).headers["Idempotent-Replayed"] == "true"
    error(node.call("PUT", f"/files{folder}/big?content", data=b"y" * len(big), headers={**two, "Content-MD5": "b"}), 409, "conflict")
    assert node.get(f"{folder}/big") == big


def replayed(answer):
    return answer.headers.get("Idempotent-Replayed") == "true"


def test_idempotency_of_trees(node, folder):
    for i in range(20):
        node.put(f"{folder}/a/{i}", b"x" * 1000, recursive="true")
    key, body = {"Idempotency-Key": uuid.uuid4().hex}, {"to": f"{folder}/b", "recursive": True}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: node.ok("POST", f"/files{folder}/a:copy", json=body, headers=key), range(4)))
    assert sum(not replayed(a) for a in answers) == 1 and all("effects" in a.json() for a in answers)
    error(node.call("POST", f"/files{folder}/a:copy", json={**body, "overwrite": True}, headers=key), 409, "conflict")
    error(node.call("POST", f"/files{folder}/a:copy", json=body), 409, "already_exists")
    failed = {"Idempotency-Key": uuid.uuid4().hex}  # what failed has not acted
    error(node.call("POST", f"/files{folder}/a:copy", json=body, headers=failed), 409, "already_exists")
    node.ok("DELETE", f"/files{folder}/b?recursive=true")
    assert not replayed(node.ok("POST", f"/files{folder}/a:copy", json=body, headers=failed))
    file = {"Idempotency-Key": uuid.uuid4().hex}
    assert [replayed(node.ok("POST", f"/files{folder}/a/1:copy", json={"to": f"{folder}/c"}, headers=file)) for _ in range(2)] == [False, True]
    for verb in ["load", "free", "persist", "load-metadata"]:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        assert [replayed(node.ok("POST", f"/files{folder}/a/1:{verb}", json={}, headers=key)) for _ in range(2)] == [False, True], verb


def test_if_match_of_every_change(node, folder):
    node.put(f"{folder}/f", b"1")
    path, stale = f"/files{folder}/f", {"If-Match": '"1-1-1"'}
    for method, target, body in [("PATCH", path, {"mode": "600"}), ("PUT", path + "?acl", {"action": "modify", "entries": ["user:ann:r--"]}),
                                 ("POST", path + ":rename", {"to": f"{folder}/g"}), ("POST", path + ":copy", {"to": f"{folder}/g"}),
                                 ("POST", path + ":free", {}), ("POST", path + ":load", {}), ("POST", path + ":persist", {}),
                                 ("POST", path + ":load-metadata", {}), ("POST", path + ":check", {}), ("DELETE", path, None)]:
        error(node.call(method, target, json=body, headers=stale), 412, "precondition_failed")
    tag = node.ok("GET", path).headers["ETag"]
    error(node.call("PATCH", path, json={"mode": "600"}, headers={"If-Match": "W/" + tag}), 412, "precondition_failed")
    node.ok("PATCH", path, json={"mode": "600"}, headers={"If-Match": f'"1-1-1", {tag}'})
    node.ok("POST", path + ":rename", json={"to": f"{folder}/g"}, headers={"If-Match": node.ok("GET", path).headers["ETag"]})
    error(node.call("PUT", f"/files{folder}/new?content", data=b"", headers={"If-Match": "*"}), 412, "precondition_failed")


def test_a_part_of_a_file_is_not_taken_for_the_whole(node, folder):
    node.put(f"{folder}/f", b"0123456789")
    part = {"Content-Range": "bytes 0-2/10"}
    error(node.call("PUT", f"/files{folder}/f?content&overwrite=true", data=b"abc", headers=part), 400, "invalid_argument")
    error(node.call("PUT", f"/files{folder}/f?content&overwrite=true", data=b"abc", headers={"If-None-Match": '"x"'}), 400, "invalid_argument")
    assert node.get(f"{folder}/f") == b"0123456789"


def test_concurrent_writers_one_wins(node, folder):
    def put(i):
        return node.call("PUT", f"/files{folder}/same?content", data=str(i).encode() * 1000).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(put, range(8)))
    assert codes.count(201) == 1 and set(codes) <= {201, 409}
    content = node.get(f"{folder}/same")
    assert content == content[:1] * 1000


def test_ttl_is_kept_and_shown(node, folder):
    # the checker's own interval is an hour here: what counts is that the wish is kept and shown
    node.put(f"{folder}/t", b"x")
    node.ok("PATCH", f"/files{folder}/t", json={"ttl": {"after_ms": 1, "action": "DELETE"}})
    assert node.ok("GET", f"/files{folder}/t").json()["ttl"]["action"] == "DELETE"


def test_large_body_of_json_is_refused(node, folder):
    error(node.call("PUT", f"/files{folder}/x", data=b'{"type":"' + b"x" * 2_000_000 + b'"}'), 413, "too_large")


def test_deep_and_long_paths(node, folder):
    deep = folder + "/" + "/".join("d" * 10 for _ in range(40))
    node.ok("PUT", f"/files{deep}", json={"type": "directory", "recursive": True})
    assert node.ok("GET", f"/files{deep}").json()["path"] == deep
    error(node.call("GET", "/files" + "/x" * 300), 400, "name_too_long")

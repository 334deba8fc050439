# SPDX-License-Identifier: Apache-2.0
"""Every route was called with success by the tests before this one (pytest runs files in the order of their names)."""
import re

import pytest

from node import CALLS

ROUTES = {  # id: method, path, selector
    "health": ("GET", "/health", ""),
    "openapi": ("GET", "/openapi.json", ""),
    "session_get": ("GET", "/session", ""),
    "session_create": ("POST", "/session", ""),
    "session_delete": ("DELETE", "/session", ""),
    "sessions_list": ("GET", "/sessions", ""),
    "sessions_delete": ("DELETE", "/sessions/{id}", ""),
    "files_content": ("GET", "/files/{path}", "content"),
    "files_list": ("GET", "/files/{path}", "list"),
    "files_acl_get": ("GET", "/files/{path}", "acl"),
    "files_xattrs": ("GET", "/files/{path}", "xattrs"),
    "files_usage": ("GET", "/files/{path}", "usage"),
    "files_blocks": ("GET", "/files/{path}", "blocks"),
    "files_get": ("GET", "/files/{path}", ""),
    "files_put_content": ("PUT", "/files/{path}", "content"),
    "files_acl_put": ("PUT", "/files/{path}", "acl"),
    "files_put": ("PUT", "/files/{path}", ""),
    "files_patch": ("PATCH", "/files/{path}", ""),
    "files_delete": ("DELETE", "/files/{path}", ""),
    "files_rename": ("POST", "/files/{path}:rename", ""),
    "files_copy": ("POST", "/files/{path}:copy", ""),
    "files_free": ("POST", "/files/{path}:free", ""),
    "files_load": ("POST", "/files/{path}:load", ""),
    "files_persist": ("POST", "/files/{path}:persist", ""),
    "files_load_metadata": ("POST", "/files/{path}:load-metadata", ""),
    "files_check": ("POST", "/files/{path}:check", ""),
    "files_by_id": ("GET", "/files-by-id/{id}", ""),
    "changes": ("GET", "/changes", ""),
    "mounts_list": ("GET", "/mounts", ""),
    "mounts_create": ("POST", "/mounts", ""),
    "mounts_test": ("POST", "/mounts:test", ""),
    "mounts_patch": ("PATCH", "/mounts/{id}", ""),
    "mounts_delete": ("DELETE", "/mounts/{id}", ""),
    "stores_mode": ("POST", "/stores:mode", ""),
    "stores_kinds": ("GET", "/stores/kinds", ""),
    "users_list": ("GET", "/users", ""),
    "users_create": ("POST", "/users", ""),
    "users_patch": ("PATCH", "/users/{id}", ""),
    "users_delete": ("DELETE", "/users/{id}", ""),
    "tokens_list": ("GET", "/tokens", ""),
    "tokens_create": ("POST", "/tokens", ""),
    "tokens_delete": ("DELETE", "/tokens/{id}", ""),
    "overview": ("GET", "/overview", ""),
    "workers_list": ("GET", "/workers", ""),
    "journal_get": ("GET", "/journal", ""),
    "journal_checkpoint": ("POST", "/journal:checkpoint", ""),
    "backups_create": ("POST", "/backups", ""),
    "doctor": ("GET", "/doctor", ""),
    "tasks_list": ("GET", "/tasks", ""),
    "config_get": ("GET", "/config", ""),
    "config_patch": ("PATCH", "/config", ""),
    "config_paths_get": ("GET", "/config/paths", ""),
    "config_paths_put": ("PUT", "/config/paths", ""),
    "log_levels_get": ("GET", "/logs/levels", ""),
    "log_levels_put": ("PUT", "/logs/levels", ""),
    "logs_get": ("GET", "/logs", ""),
    "metrics": ("GET", "/metrics", ""),
    "metrics_clear": ("POST", "/metrics:clear", ""),
}


def was_called(method, path, selector):
    pattern = re.escape(path).replace(r"/\{path\}", "/.*").replace(r"\{id\}", "[^/]+")
    for called, url, query, status in CALLS:
        if called == method and status < 400 and re.fullmatch(pattern, url) and (not selector or selector in query):
            if selector or not any(p == path and m == method and s and s in query for m, p, s in ROUTES.values()):
                return True
    return False


@pytest.mark.parametrize("route", ROUTES)
def test_route_was_called(route, request):
    if len({item.fspath for item in request.session.items}) < 5:
        pytest.skip("only with the other files")
    assert was_called(*ROUTES[route]), f"no test calls {route} with success"


def test_table_is_complete(node):
    doc = node.ok("GET", "/openapi.json").json()
    there = {(method.upper(), path) for path, item in doc["paths"].items() for method in item}
    assert there == {(m, p) for m, p, _ in ROUTES.values()}

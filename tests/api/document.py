# SPDX-License-Identifier: Apache-2.0
"""What the OpenAPI document says of a request and its answer, held against both.  Every call of the tests passes here, so
that the document neither refuses what the daemon takes nor leaves out what it answers."""
import json
import re
import urllib.parse

import jsonschema

BASE = "/api/v1"


class Document:
    def __init__(self, doc):
        self.resolver = jsonschema.RefResolver.from_schema(doc)
        self.operations = [(template, method.upper(), op, re.compile(self.pattern(template))) for template, item in doc["paths"].items()
                           for method, op in item.items()]

    @staticmethod
    def pattern(template):
        text = re.escape(template).replace(re.escape("/{path}"), "(/.*)?").replace(re.escape("{id}"), "[^/]+")
        return text + "$"

    def operation(self, method, path):
        """The one with the longest template: {path} takes anything."""
        found = [(len(t), op) for t, m, op, p in self.operations if m == method and p.match(path)]
        return max(found, key=lambda x: x[0])[1] if found else None

    def errors(self, schema, value):
        return [e.message for e in jsonschema.Draft202012Validator(schema, resolver=self.resolver).iter_errors(value)]

    def check(self, answer):
        """AssertionError when one of them is not as the document says."""
        request, url = answer.request, urllib.parse.urlsplit(answer.request.url)
        if not url.path.startswith(BASE + "/") or request.method == "HEAD":
            return
        op = self.operation(request.method, url.path[len(BASE):])
        what = f"{request.method} {url.path}?{url.query} {answer.status_code}"
        if not op:
            assert answer.status_code in (404, 405), f"{what}: no operation of the document"
            return
        if answer.status_code < 300:
            self.check_query(op, url.query, what)
            self.check_body(op, request, what)
        self.check_answer(op, answer, what)

    def check_query(self, op, query, what):
        known = {p["name"]: p for p in op["parameters"] if p["in"] == "query"}
        for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
            assert name in known, f"{what}: parameter '{name}' is not in the document"
            schema = known[name]["schema"]
            if value == "" and known[name].get("allowEmptyValue"):
                continue
            typed = json.loads(value) if schema["type"] in ("integer", "boolean") else value
            assert not self.errors(schema, typed), f"{what}: parameter '{name}': {self.errors(schema, typed)}"

    def check_body(self, op, request, what):
        content = op.get("requestBody", {}).get("content", {})
        if request.headers.get("Content-Type") == "application/json" and "application/json" in content:
            wrong = self.errors(content["application/json"]["schema"], json.loads(request.body))
            assert not wrong, f"{what}: body {request.body!r:.300}: {wrong}"

    def check_answer(self, op, answer, what):
        responses = op["responses"]
        if answer.status_code == 304 or (answer.status_code < 300 and answer.headers.get("Content-Type") != "application/json"):
            return
        described = responses.get(str(answer.status_code)) or (responses["default"] if answer.status_code >= 400 else None)
        assert described, f"{what}: the document has no answer {answer.status_code}"
        content = described.get("content", {}).get("application/json")
        assert content, f"{what}: the document has no JSON for it"
        wrong = self.errors(content["schema"], answer.json())
        assert not wrong, f"{what}: answer {answer.text:.300}: {wrong}"

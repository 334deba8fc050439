# SPDX-License-Identifier: Apache-2.0
import itertools

import pytest

from node import Node


@pytest.fixture(scope="session")
def node():
    n = Node().format().start()
    yield n
    n.stop()
    assert "AddressSanitizer" not in n.output() and "runtime error" not in n.output()
    n.remove()


_names = itertools.count(1)


@pytest.fixture
def folder(node):
    """A folder of its own for a test, made and removed."""
    path = f"/test-{next(_names)}"
    node.ok("PUT", f"/files{path}", json={"type": "directory"})
    yield path
    node.call("DELETE", f"/files{path}", params={"recursive": "true", "unchecked": "true"})

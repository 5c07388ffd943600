"""A wheel built here from its sdist, against the distribution's own libraries in /usr/lib."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import peers
import pytest
from support.compared import auditwheel_claim, our_claim
from support.environments import REQUIRED, environment, no_network

from wheelfix import Outcome, repair

PYCURL = "pycurl==7.45.7"
USE = """
import io, os
# libsasl2 loads the system's plug-ins, which would bring the system's libcrypto with them.
os.environ["SASL_PATH"] = "/nowhere"
import pycurl
def get(url):
    body, curl = io.BytesIO(), pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.NOPROXY, "*")
    curl.setopt(pycurl.WRITEDATA, body)
    curl.perform()
    return body.getvalue(), curl.getinfo(pycurl.RESPONSE_CODE)
assert "https" in pycurl.version_info()[8]
body, status = get("127.0.0.1:{port}/")
assert (body, status) == (b"it runs", 200), (body, status)
"""

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, whose libraries it takes"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build pycurl, which takes libcurl and 27 more libraries, in about ten seconds."""
    if shutil.which("curl-config") is None or shutil.which("gcc") is None:
        why = "needs a C compiler and libcurl: apt-get install gcc libcurl4-openssl-dev"
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(why)
    folder = tmp_path_factory.mktemp("built")
    try:
        peers.pip("wheel", "--no-deps", "--no-binary=pycurl", "-w", str(folder), PYCURL)
    except subprocess.CalledProcessError as error:
        no_network(error)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def outcome(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return repair(built, tmp_path_factory.mktemp("repaired"))


@pytest.fixture
def port() -> Iterator[int]:
    """Serve one sentence on this machine."""
    with http.server.HTTPServer(("127.0.0.1", 0), Sentence) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class Sentence(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"it runs")

    def log_message(self, *_arguments: object) -> None:
        pass


def test_libraries_and_tag_are_those_of_auditwheel(built: Path, tmp_path: Path) -> None:
    ours = our_claim(built, None)
    assert any(library.startswith("libcurl.so.4") for library in ours.libraries)
    assert ours == auditwheel_claim(built, None, tmp_path, peers.peers())


def test_as_built_it_takes_the_systems_libraries(built: Path, port: int, tmp_path: Path) -> None:
    place = environment(tmp_path / "venv")
    place.install(built)
    mapped = place.mapped(USE.format(port=port))
    assert any(file.name.startswith("libcurl") and file.is_relative_to("/usr") for file in mapped)


def test_repaired_it_works_without_them(outcome: Outcome, port: int, tmp_path: Path) -> None:
    place = environment(tmp_path / "venv")
    place.install(outcome.output)
    grafts = {place.site_packages / graft.path for graft in outcome.plan.grafts}
    mapped = place.mapped(USE.format(port=port))
    assert any(graft.name.startswith("libcurl") for graft in grafts)
    assert grafts <= mapped
    assert not {graft.source for graft in outcome.plan.grafts} & mapped

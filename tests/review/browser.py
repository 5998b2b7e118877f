# SPDX-License-Identifier: GPL-2.0-only
"""A headless Chromium, spoken to through two pipes: what it shows, says and does on keys."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
          "--disable-extensions", "--disable-background-networking", "--remote-debugging-pipe")
_KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Escape": 27, "Enter": 13, "Tab": 9}


def path() -> str | None:
    """Where a Chromium is installed, or None."""
    return next((found for found in map(shutil.which, NAMES) if found), None)


class Browser:
    """One page in a browser of its own.

    complaints : list   what the page logged, failed at, or asked a network for
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        self._process = self._start(theirs_in, theirs_out)
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest, self._number, self._session = b"", 0, ""
        self.complaints: list[str] = []
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=page,
                                  flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _start(self, theirs_in: int, theirs_out: int) -> subprocess.Popen:
        # the browser reads from 3 and writes to 4, whatever these are here
        command = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        return subprocess.Popen(
            ["bash", "-c", command, "bash", path(), *_FLAGS,
             f"--user-data-dir={self._folder.name}"],
            pass_fds=[theirs_in, theirs_out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._folder.cleanup()

    # Messages.

    def call(self, method: str, **what: Any) -> dict:
        """The answer to one call; events that come before it are looked at."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": what}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._look_at(answer)

    def wait_for(self, event: str) -> None:
        while True:
            message = self._message()
            self._look_at(message)
            if message.get("method") == event:
                return

    def _message(self) -> dict:
        while b"\0" not in self._rest:
            data = os.read(self._from, 1 << 20)
            assert data, "the browser has gone"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)

    def _look_at(self, message: dict) -> None:
        method, what = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(what["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(what["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(what["args"]))
        elif method == "Network.requestWillBeSent":
            url = what["request"]["url"]
            if not url.startswith(("file:", "about:", "data:")):
                self.complaints.append(f"asks for {url}")

    # What a reader does and sees.

    def look(self, width: int, height: int = 900, scheme: str = "light") -> None:
        """A window of that size, for who prefers that colour scheme."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, file: Path, fragment: str = "") -> None:
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=file.as_uri() + fragment)
        while self.run("document.readyState") != "complete" or \
                self.run("location.href") == "about:blank":
            pass

    def run(self, script: str, *, wait: bool = False) -> Any:
        """What an expression gives, as plain data; wait: what its promise comes to."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                         awaitPromise=wait)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def press(self, *keys: str) -> None:
        for key in keys:
            code = _KEYS.get(key, ord(key[0]))
            what: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code}
            if key not in _KEYS:
                what["text"] = key
            elif key == "Enter":
                what["text"] = "\r"
            self.call("Input.dispatchKeyEvent", type="keyDown", **what)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def picture(self, file: Path) -> None:
        """What the window shows, as a PNG."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

"""The stand-in's state on disk, so that a killed or stopped server comes back as it was.

All state lives in moto's backends as plain objects, which pickle takes whole; only the contents of
S3 objects lie in files of their own, written once, so that a snapshot stays small and quick. A
kill -9 may cost the last second of writes.
"""

from __future__ import annotations

import copyreg
import logging
import pickle
import sys
import threading
import time
from functools import partial
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.s3.models import FakeKey

log = logging.getLogger(__name__)

MIN_PAUSE_SECONDS = 1.0
# A snapshot may take at most this share of the time, however large the state has grown.
MAX_SHARE = 0.05
MAX_TRIES = 20
QUOTE = '"'
NOT_PICKLED = ("_value_buffer", "lock")  # a file and a lock; moto makes both anew

# What the stack uses; other services of moto hold objects pickle cannot take.
KEPT_MODULES = (
    "local.",
    "moto.cloudformation.",
    "moto.dynamodb.",
    "moto.iam.",
    "moto.s3.",
    "moto.s3vectors.",
)

# (module and name of the backend class, account, region)
Address = tuple[str, str, str, str]


class UnreadableSnapshotError(Exception):
    """The state on disk does not fit the code; the message says what to do."""


class Snapshot:
    """Saves the state of all backends shortly after it has changed, and restores it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "state.pickle"
        self.contents = folder / "objects"
        self.contents.mkdir(parents=True, exist_ok=True)
        self.changed = threading.Event()
        self.lock = threading.Lock()

    def mark_changed(self) -> None:
        """Ask for a snapshot soon; only the first to ask pays for the lock."""
        if not self.changed.is_set():
            self.changed.set()

    def start(self) -> None:
        """Save in the background from now on."""
        threading.Thread(target=self.save_for_ever, name="snapshot", daemon=True).start()

    def save_for_ever(self) -> None:
        """Save after each change, resting in proportion to what it cost."""
        while True:
            self.changed.wait()
            started_at = time.monotonic()
            try:
                self.save()
            except Exception:  # a full disk, say: what the file holds stays, the next may succeed
                log.exception("the state could not be saved, and will be tried again")
                self.changed.set()
            time.sleep(max(MIN_PAUSE_SECONDS, (time.monotonic() - started_at) / MAX_SHARE))

    def save(self) -> None:
        """Write the state in one step; contents no object refers to any more are removed."""
        with self.lock:
            self.changed.clear()
            temporary = self.file.with_suffix(".tmp")
            kept = self.write_consistently(temporary)
            temporary.replace(self.file)
            for path in self.contents.iterdir():
                if path.name not in kept:
                    path.unlink()

    def write_consistently(self, path: Path) -> set[str]:
        """Pickle the state, again when another thread changed it meanwhile."""
        for _ in range(MAX_TRIES):
            file = BytesIO()  # no disk: other threads run while one waits for it
            pickler = StatePickler(file, self.contents)
            try:
                pickler.dump(collect_backends())
            except (RuntimeError, ValueError):  # a dictionary's size changed, a content is gone
                continue
            path.write_bytes(file.getbuffer())
            return pickler.kept
        raise RuntimeError(f"the state changed during each of {MAX_TRIES} attempts to save it")

    def restore(self) -> None:
        """Put the last snapshot's state into moto's backends, if there is a snapshot.

        :raises UnreadableSnapshotError: when another version of the code wrote it.
        """
        if not self.file.exists():
            return
        state = self.load()
        for (module, name, account_id, region), backend in state.items():
            find_backends(module, name)[account_id][region].__dict__ = backend.__dict__
        log.warning("restored %d backends from %s", len(state), self.file)

    def load(self) -> dict[Address, BaseBackend]:
        """Read the file."""
        try:
            with self.file.open("rb") as file:
                state: dict[Address, BaseBackend] = StateUnpickler(file, self.contents).load()
        except (ImportError, AttributeError, pickle.UnpicklingError, EOFError, OSError) as error:
            raise UnreadableSnapshotError(
                f"{self.file} cannot be read by this version ({error}). Start afresh with "
                "`make reset`, or go back to the version that wrote it."
            ) from error
        return state


class StatePickler(pickle.Pickler):
    """Pickles everything but the contents of S3 objects, which go into files."""

    def __init__(self, file: Any, contents: Path) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.contents = contents
        self.written = {path.name for path in contents.iterdir()}
        self.kept: set[str] = set()
        # By type: `persistent_id` and `reducer_override` run Python for every object, and while
        # Python runs, other threads change what is being pickled.
        self.dispatch_table = copyreg.dispatch_table | {FakeKey: self.reduce_key}

    def reduce_key(self, key: FakeKey) -> tuple[Any, ...]:
        """Take an S3 object apart into its state and the name of its content."""
        state = {k: v for k, v in vars(key).items() if k not in NOT_PICKLED}
        return build_key, (type(key), state, self.keep(key))

    def keep(self, key: FakeKey) -> str:
        """Write an object's content unless it is there; its name is the same for the same bytes."""
        name = "empty" if key.disposed else f"{key.etag.strip(QUOTE)}-{key.contentsize}"
        self.kept.add(name)
        if name not in self.written:
            path = self.contents / name
            path.with_suffix(".tmp").write_bytes(b"" if key.disposed else key.value)
            path.with_suffix(".tmp").replace(path)
        return name


class StateUnpickler(pickle.Unpickler):
    """The reverse."""

    def __init__(self, file: Any, contents: Path) -> None:
        super().__init__(file)
        self.contents = contents

    def find_class(self, module: str, name: str) -> Any:
        """Whatever the pickle names; S3 objects are told where their contents are."""
        found = super().find_class(module, name)
        return partial(found, self.contents) if found is build_key else found


def build_key(
    contents: Path, key_class: type[FakeKey], state: dict[str, Any], content_name: str
) -> FakeKey:
    """An S3 object from its parts."""
    key = key_class.__new__(key_class)
    key.__setstate__({**state, "value": (contents / content_name).read_bytes()})
    return key


def collect_backends() -> dict[Address, BaseBackend]:
    """Every backend in use."""
    return {
        (type(backend).__module__, type(backend).__name__, account_id, region): backend
        for backends in list(BackendDict._instances)
        for account_id, region, backend in list(backends.iter_backends())
        if type(backend).__module__.startswith(KEPT_MODULES)
    }


def find_backends(module: str, name: str) -> BackendDict[Any]:
    """The module's collection of backends of this class."""
    for value in vars(sys.modules.get(module) or import_module(module)).values():
        if isinstance(value, BackendDict) and value.backend.__name__ == name:
            return value
    raise LookupError(f"no BackendDict of {name} in {module}")

"""A multipart body read as it arrives: fields into memory, files straight into a sink.

Werkzeug's own form parsing keeps whole files on disk and takes malformed bodies for empty ones;
this drives the same decoder, event by event.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from flask import Request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

from include.settings import Settings

READ_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024  # of one part; browsers send about 200
# Clients read an answer when they have sent all: a refused one may send this much more.
DRAIN_BYTES = 64 * 1024 * 1024
RAW_BACKSLASH = re.compile(r'filename="([^"]*\\[^"\\][^"]*)"')


class FileSink(Protocol):
    """Where the bytes of files go."""

    def open(self, name: str, path: str) -> None:
        """A file part of this field begins."""

    def write(self, data: bytes) -> None:
        """Its next bytes."""

    def close(self) -> None:
        """It is complete."""


@dataclass
class FormStream:
    """Reads one request's body; `fields` has every text field's values, in order."""

    settings: Settings
    sink: FileSink
    fields: dict[str, list[str]] = field(default_factory=dict)
    part: Field | File | None = None
    text: bytearray = field(default_factory=bytearray)
    part_count: int = 0
    text_bytes: int = 0

    def read(self, request: Request) -> None:
        """Read to the end.

        :raises BadRequest: when the body is not multipart/form-data as RFC 7578 has it.
        :raises RequestEntityTooLarge: as soon as a limit is exceeded.
        """
        try:
            for event in decode(request):
                self.take(event)
        except ValueError as error:
            raise BadRequest(f"The multipart body is malformed: {error}.") from error

    def take(self, event: Event) -> None:
        """One event of the decoder."""
        if isinstance(event, (Field, File)):
            self.begin(event)
        elif isinstance(event, Data):
            self.add(event.data)
            if not event.more_data:
                self.end()

    def begin(self, part: Field | File) -> None:
        """A part begins."""
        self.part_count += 1
        limit = self.settings.max_documents + self.settings.max_form_fields
        if self.part_count > limit:
            raise RequestEntityTooLarge(f"The form has more than {limit} parts; send fewer.")
        if not isinstance(part.name, str):
            raise ValueError("a part has no name")
        self.part = part
        if isinstance(part, File):
            self.sink.open(part.name, read_path(part))

    def add(self, data: bytes) -> None:
        """Bytes of the current part."""
        if isinstance(self.part, File):
            self.sink.write(data)
            return
        self.text_bytes += len(data)
        if self.text_bytes > self.settings.max_form_bytes:
            limit = self.settings.max_form_bytes
            raise RequestEntityTooLarge(f"The text fields have more than {limit} bytes; cut them.")
        self.text += data

    def end(self) -> None:
        """The current part is complete."""
        if isinstance(self.part, File):
            self.sink.close()
        elif self.part:
            self.fields.setdefault(self.part.name, []).append(self.text.decode())
        self.text.clear()


def decode(request: Request) -> Iterator[Event]:
    """The decoder's events; a body that ends early is malformed."""
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary:
        raise ValueError("its Content-Type names no boundary")
    decoder = MultipartDecoder(boundary.encode("ascii"))
    while True:
        data = request.stream.read(READ_BYTES)
        decoder.receive_data(data or None)
        while not isinstance(event := decoder.next_event(), NeedData):
            yield event
            if isinstance(event, Epilogue):
                return
        if len(decoder.buffer) > READ_BYTES + MAX_HEADER_BYTES:
            raise RequestEntityTooLarge("A part's header is too long.")


def drain(request: Request) -> None:
    """Read what is left of a refused body, within reason, so that the answer is received."""
    left = DRAIN_BYTES
    try:
        while left > 0 and (data := request.stream.read(READ_BYTES)):
            left -= len(data)
    except HTTPException:
        return  # cut off, or beyond the limit: there is nobody to wait for


def read_path(part: File) -> str:
    """The file's name as it was sent, in the one Unicode form in which names are compared."""
    # The decoder takes a browser's backslash for an escape and drops it.
    raw = RAW_BACKSLASH.search(part.headers.get("Content-Disposition", ""))
    return unicodedata.normalize("NFC", raw[1] if raw else part.filename)

"""Keeps the results of a run so that the next one migrates only what they no longer hold for.

A result holds as long as all that it can depend on is the same: astmigrate itself with its tables and
Python's grammar, the file, the files of the project that it may see (``order``), what others import from
it. One file holds the results of one set of sources; each text that was made of them has its own. A file
appears whole or not at all; what cannot be read or does not match its checksum counts as missing, so that
runs beside each other need no locks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import msgspec

from astmigrate import __version__
from astmigrate.order import places
from astmigrate.places import tables_folder
from astmigrate.source import Source
from astmigrate.work import Result, Work, unpacked
from astmigrate.writers import atomic

LIMIT = 256 * 1024 * 1024  # bytes of all files together; the ones used longest ago go first
_MAGIC = b"astmigrate cache 3\n"
_RESULTS, _TEXT = ".results", ".text"
_DIGEST = 16
_CHECKSUM = 4  # against damage, not against malice
_START = len(_MAGIC) + _CHECKSUM  # of what a file holds

_Content = TypeVar("_Content")

_encode = msgspec.msgpack.Encoder().encode
_encode_into = msgspec.msgpack.Encoder().encode_into


class Pack(msgspec.Struct, frozen=True, array_like=True):
    """The results of one set of sources: the digest of all that was read, its files' keys, results by key."""

    project: bytes = b""
    keys: list[bytes] = []
    results: dict[bytes, msgspec.Raw] = {}


_decode_pack = msgspec.msgpack.Decoder(Pack).decode
_decode_text = msgspec.msgpack.Decoder(str).decode


class Cache:
    """The results of earlier runs over the same sources, for the files of ``work``."""

    def __init__(self, folder: Path, sources: Sequence[str], work: Work, tables: Sequence[Path] = ()) -> None:
        self._name = _digest(os.fsencode(os.path.realpath(source)) for source in sources)
        self._folder, self._place = folder, folder / (self._name.hex() + _RESULTS)
        self._pack = _read(self._place, _decode_pack) or Pack()
        self._work, self._tables = work, tables
        self._made: dict[str, Result] = {}

    @cached_property
    def _engine(self) -> bytes:
        return _engine(self._tables)

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        return {target: _content(source) for target, source in self._work.sources.items()}

    @cached_property
    def project(self) -> bytes:
        """The digest of all that was read."""
        names = self._work.names
        return _digest((self._engine, *(part for target, content in self._contents.items() for part in (
            os.fsencode(target), os.fsencode(names.get(target, "")), content))))  # fmt: skip

    @cached_property
    def _keys(self) -> list[bytes]:
        """The key of every file, in order."""
        if self.project == self._pack.project and len(self._pack.keys) == len(self._contents):
            return self._pack.keys
        return list(_Keys(self._work, self._contents, self._engine).all())

    def found(self) -> dict[str, Result]:
        """What of the project's results still holds, by target."""
        if not self._pack.results:
            return {}  # and nothing to look it up by is needed before the results are there
        found = {}
        for target, key in zip(self._work.sources, self._keys, strict=True):
            result = self._result(key)
            if result is not None:
                found[target] = result
        return found

    def _result(self, key: bytes) -> Result | None:
        try:
            return unpacked(self._pack.results[key])
        except (KeyError, msgspec.MsgspecError):
            return None

    def add(self, target: str, result: Result) -> None:
        """Takes a new result; with the first, keys are made, while other processes make the rest."""
        _ = self._keys
        self._made[target] = result

    def text(self, content: object, make: Callable[[], str]) -> str:
        """What ``make`` makes of ``content``, or made of the same before."""
        try:
            key = _digest([self._name, self._engine, _encode(content)])
        except UnicodeEncodeError:  # a path that is not valid Unicode cannot be kept
            return make()
        place = self._folder / (key.hex() + _TEXT)
        known = _read(place, _decode_text)
        if known is not None:
            return known
        made = make()
        with suppress(UnicodeEncodeError):
            _write(place, made)
        return made

    def keep(self) -> None:
        """Keeps the results of this run, once there are all."""
        if not self._made and self.project == self._pack.project:
            return
        results = {}
        for target, key in zip(self._work.sources, self._keys, strict=True):
            made = self._made.get(target)
            data = self._pack.results.get(key) if made is None else msgspec.Raw(made.packed())
            if data:
                results[key] = data
        _write(self._place, Pack(self.project, self._keys, results))
        with suppress(OSError):
            _prune(self._folder)


class _Keys:
    """The digests of all that the results of a project's files depend on."""

    def __init__(self, work: Work, contents: dict[str, bytes], engine: bytes) -> None:
        self._work, self._contents = work, contents
        roots = sorted({name.partition(".")[0] for name in work.modules})
        self._project = _digest([engine, *map(os.fsencode, roots)])
        self._modules = [self._module(name) for name in work.order.names]
        self._seen: dict[int, bytes] = {}

    def all(self) -> Iterable[bytes]:
        """The key of every file, in order."""
        return (self._key(target) for target in self._work.sources)

    def _key(self, target: str) -> bytes:
        name = self._work.names.get(target)
        if name is None:
            return _digest([self._project, os.fsencode(target), self._contents[target]])
        module = self._work.modules[name]
        package = self._work.modules.get(module.package)
        return _digest([
            self._project, b"\1" if package is not None and package.is_package else b"\0",
            os.fsencode(name), self._reach(self._work.sees(target)),
            *map(os.fsencode, sorted(self._work.index.imported_from(name))),
        ])  # fmt: skip

    def _reach(self, bits: int) -> bytes:
        """What a file may see, in the order in which it is analysed."""
        if bits not in self._seen:
            self._seen[bits] = _digest([b"".join([self._modules[place] for place in places(bits)])])
        return self._seen[bits]

    def _module(self, name: str) -> bytes:
        """What a module is and holds, in as many bytes as any other: those of several may be joined."""
        module = self._work.modules[name]
        identity = os.fsencode(f"{module.name}\0{module.path}\0{module.is_package}")
        return _digest([identity, self._contents[self._work.targets[name]]])


def _content(source: Source) -> bytes:
    return _digest([source.text.encode("utf-8", "surrogatepass"), source.encoding.encode(), source.bom])


def _engine(tables: Sequence[Path]) -> bytes:
    """astmigrate's own files by when they were written, the user's tables, the Python that reads sources.

    Reading its own would cost more than all else that a run without changes does.
    """
    own = (*_files(Path(__file__).parent, ".py"), *_files(tables_folder(), ".toml"))
    written = ((path, os.stat(path)) for path in own)
    stamps = [f"{path} {s.st_size} {s.st_mtime_ns} {s.st_ctime_ns}" for path, s in written]
    given = [path.read_bytes() for path in tables]
    return _digest([__version__.encode(), sys.version.encode(), *map(os.fsencode, stamps), *given])


def _files(folder: Path, suffix: str) -> list[str]:
    paths = (os.path.join(above, name) for above, _, names in os.walk(folder) for name in names)
    return sorted(path for path in paths if path.endswith(suffix))


def _checksum(payload: bytes | memoryview) -> bytes:
    return crc32(payload).to_bytes(_CHECKSUM, "little")


def _digest(parts: Iterable[bytes | memoryview]) -> bytes:
    found = blake2b(digest_size=_DIGEST)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()


def _read(place: Path, decode: Callable[[memoryview], _Content]) -> _Content | None:
    """What an earlier run has written; None where it has not, or where that is broken."""
    try:
        data = place.read_bytes()
        payload = memoryview(data)[_START:]
        if data[:_START] != _MAGIC + _checksum(payload):
            return None
        content = decode(payload)
        os.utime(place)  # used now: others go first
    except (OSError, msgspec.MsgspecError):
        return None
    return content


def _write(place: Path, content: object) -> None:
    """Writes what the next run is to read; a folder that cannot be written costs time, nothing else."""
    data = bytearray(_START)
    _encode_into(content, data, _START)
    data[:_START] = _MAGIC + _checksum(memoryview(data)[_START:])
    with suppress(OSError):
        atomic.write_bytes(place, data)


def _prune(folder: Path) -> None:
    """Removes the files used longest ago until the rest fits, and what killed runs left."""
    atomic.clean(folder)
    found = [(path.stat(), path) for path in folder.iterdir() if path.suffix in (_RESULTS, _TEXT)]
    found.sort(key=lambda entry: entry[0].st_mtime_ns, reverse=True)
    total = 0
    for status, path in found:
        total += status.st_size
        if total > LIMIT:
            path.unlink(missing_ok=True)

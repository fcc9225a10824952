"""Opens a checkpoint of any kind: its format by its bytes, the state dict inside, names without wrappers.

Nothing is read but names, dtypes and shapes where the format allows it; ``Entry.read`` gets the numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from astmigrate.weights.entries import Entry
from astmigrate.weights.failures import RequestError, WeightsError
from astmigrate.weights.mindspore_files import read_ckpt
from astmigrate.weights.safetensors_files import is_safetensors, read_safetensors
from astmigrate.weights.torch_files import is_tensor, is_torch, read_torch, tensor_entry

# What nn.DataParallel and DistributedDataParallel, and torch.compile, put before every name.
_WRAPPERS = ("module.", "_orig_mod.")
# The counter that torch.optim.swa_utils.AveragedModel keeps beside its ``module``.
_COUNTER = "n_averaged"
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tensors of a checkpoint by name; ``sources`` has the names as the file has them.

    ``unreadable`` are tensors that cannot be converted, with the reason; ``notes`` say what was chosen.
    """

    entries: dict[str, Entry]
    sources: dict[str, str]
    unreadable: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Content:
    entries: list[Entry]
    unreadable: dict[str, str]
    notes: list[str]


def open_checkpoint(path: Path, key: str | None = None) -> Checkpoint:
    """The checkpoint at ``path``: a file, an index of shards, or a folder that has one of them."""
    content = _read(_file(path), key)
    if not content.entries and not content.unreadable:
        raise WeightsError(f"{path}: has no tensors")
    entries = {entry.name: entry for entry in content.entries}
    wrapper = _wrapper(list(entries))
    if not wrapper:
        return Checkpoint(entries, {n: n for n in entries}, content.unreadable, tuple(content.notes))
    names = {name: name.removeprefix(wrapper) for name in entries if name.startswith(wrapper)}
    stripped = {new: replace(entries[name], name=new) for name, new in names.items()}
    notes = [*content.notes, f"'{wrapper}' is stripped from the names"]
    notes += [f"'{name}' is a wrapper's own and left out" for name in entries if name not in names]
    return Checkpoint(stripped, {new: old for old, new in names.items()}, content.unreadable, tuple(notes))


def _wrapper(names: Sequence[str]) -> str:
    """The prefix of wrappers that all names have."""
    counted = [name for name in names if name != _COUNTER]
    prefix = ""
    while counted:
        found = next((w for w in _WRAPPERS if all(n.startswith(prefix + w) for n in counted)), "")
        if not found:
            break
        prefix += found
    return prefix


def _file(path: Path) -> Path:
    if not path.exists():
        raise RequestError(f"{path}: no such file")
    if not path.is_dir():
        return path
    patterns = ("*.index.json", "*.safetensors", "*.bin", "*.pth", "*.pt", "*.ckpt")
    for found in (sorted(path.glob(pattern)) for pattern in patterns):
        if len(found) == 1:
            return found[0]
        if found:
            raise RequestError(f"{path}: has {', '.join(file.name for file in found)}; name one of them")
    raise RequestError(f"{path}: has no checkpoint")


def _read(path: Path, key: str | None) -> _Content:
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not start:
        raise WeightsError(f"{path}: is empty")
    if path.name.endswith(".json"):
        return _sharded(path, key)
    if is_torch(start) and not is_safetensors(start):
        return _from_torch(path, key)
    if key:
        raise RequestError(f"{path}: --key is for PyTorch files, which hold more than one state dict")
    if is_safetensors(start):
        return _from_safetensors(path)
    if path.suffix == ".ckpt":
        return _Content(read_ckpt(path), {}, [])
    raise WeightsError(f"{path}: is no checkpoint of PyTorch, safetensors or MindSpore, or it is damaged")


def _from_safetensors(path: Path) -> _Content:
    """Tensors of one file; those that its writer left out as equal to another are there again.

    safetensors.torch.save_model notes them in the metadata: left-out name → name of the one that stays.
    """
    entries, metadata = read_safetensors(path)
    known = {entry.name: entry for entry in entries}
    shared = {name: kept for name, kept in metadata.items() if kept in known and name not in known}
    notes = [f"'{name}' is '{kept}', with which it is tied" for name, kept in shared.items()]
    return _Content(
        [*entries, *(replace(known[kept], name=name) for name, kept in shared.items())], {}, notes
    )


def _sharded(path: Path, key: str | None) -> _Content:
    """All shards that an index names (``*.safetensors.index.json``, ``pytorch_model.bin.index.json``)."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        weight_map = {str(name): str(file) for name, file in index["weight_map"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path}: is no index of shards: {error}") from error
    entries: dict[str, Entry] = {}
    whole = _Content([], {}, [])
    for file in dict.fromkeys(weight_map.values()):
        if Path(file).name != file:
            raise WeightsError(f"{path}: the shard {file} is not beside its index")
        if not (path.parent / file).is_file():
            raise WeightsError(f"{path}: the shard {file} is missing")
        content = _read(path.parent / file, key)
        entries |= {entry.name: entry for entry in content.entries if weight_map.get(entry.name) == file}
        whole.unreadable.update(content.unreadable)
        whole.notes.extend(content.notes)
    missing = [name for name in weight_map if name not in entries and name not in whole.unreadable]
    if missing:
        raise WeightsError(f"{path}: {missing[0]} is not in {weight_map[missing[0]]}, where the index has it")
    whole.entries.extend(entries[name] for name in weight_map if name in entries)
    return whole


def _from_torch(path: Path, key: str | None) -> _Content:
    loaded = read_torch(path)
    if not isinstance(loaded, Mapping):
        raise WeightsError(
            f"{path}: holds a {type(loaded).__name__}, not a state dict; save state_dict() in PyTorch"
        )
    name, state, notes = _choose(path, dict(_state_dicts(loaded, "", 0)), key)
    if name:
        notes.insert(0, f"the tensors are those of '{name}'")
    entries: list[Entry] = []
    unreadable: dict[str, str] = {}
    for tensor_name, value in state.items():
        if not is_tensor(value):
            notes.append(f"'{tensor_name}' is a {type(value).__name__}, not a tensor, and left out")
            continue
        entry = tensor_entry(str(tensor_name), value)
        if isinstance(entry, Entry):
            entries.append(entry)
        else:
            unreadable[str(tensor_name)] = entry
    return _Content(entries, unreadable, notes)


def _state_dicts(value: Mapping[Any, Any], name: str, depth: int) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """The mappings of names to tensors inside, by their dotted keys ("" for the whole)."""
    tensors = [key for key, inner in value.items() if isinstance(key, str) and is_tensor(inner)]
    if tensors and 2 * len(tensors) >= len(value):
        yield name, value
    elif depth < _DEEPEST:
        for key, inner in value.items():
            if isinstance(key, str) and isinstance(inner, Mapping):
                yield from _state_dicts(inner, f"{name}.{key}" if name else key, depth + 1)


def _choose(
    path: Path, found: dict[str, Mapping[Any, Any]], key: str | None
) -> tuple[str, Mapping[Any, Any], list[str]]:
    """The state dict that was asked for, or the only one that is not a running average."""
    if not found:
        raise WeightsError(f"{path}: has no state dict, only other things")
    shown = ", ".join(f"'{name}' ({len(state)} tensors)" for name, state in found.items())
    if key is not None:
        if key not in found:
            raise RequestError(f"{path}: has no state dict '{key}'; it has {shown}")
        return key, found[key], []
    plain = [name for name in found if "ema" not in name.lower().replace(".", "_").split("_")]
    chosen = plain or list(found)
    if len(chosen) > 1:
        raise RequestError(f"{path}: has several state dicts: {shown}; choose one with --key")
    others = [name for name in found if name != chosen[0]]
    notes = [f"'{name}' is there too; --key {name} takes it" for name in others]
    return chosen[0], found[chosen[0]], notes

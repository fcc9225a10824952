"""Files of tensors: ``torch.save`` and ``torch.load`` for MindSpore's tensors, and downloads."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Tensor


def pack(value: Any) -> Any:
    """Containers with every tensor as a marked array; bfloat16 as float32, which holds its values."""
    if isinstance(value, Tensor):
        plain = value.astype(ms.float32) if value.dtype == ms.bfloat16 else value
        name = value.name if isinstance(value, ms.Parameter) else None
        return {"__tensor__": plain.asnumpy(), "dtype": str(value.dtype), "name": name}
    if isinstance(value, dict):
        return {key: pack(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(pack(item) for item in value)
    return value


def unpack(value: Any) -> Any:
    """What ``pack`` was given."""
    if isinstance(value, dict) and "__tensor__" in value:
        tensor = Tensor(value["__tensor__"])
        tensor = tensor.astype(ms.bfloat16) if value["dtype"] == "BFloat16" else tensor
        return tensor if value["name"] is None else ms.Parameter(tensor, name=value["name"])
    if isinstance(value, dict):
        return {key: unpack(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(unpack(item) for item in value)
    return value


def save(obj: Any, f: Any, **ignored: Any) -> None:
    """``torch.save`` of tensors in any containers: a pickle of arrays, which only ``load`` reads."""
    import pickle

    if hasattr(f, "write"):
        pickle.dump(pack(obj), f)
        return
    with open(f, "wb") as file:
        pickle.dump(pack(obj), file)


def load(f: Any, map_location: Any = None, **ignored: Any) -> Any:
    """``torch.load`` of what ``save`` wrote, or of a checkpoint of MindSpore; only of files you trust."""
    import pickle

    if hasattr(f, "read"):
        return unpack(pickle.load(f))
    path = str(f)
    if path.endswith(".ckpt"):
        return ms.load_checkpoint(path)
    if path.endswith(".safetensors"):
        return ms.load_checkpoint(path, format="safetensors")
    with open(path, "rb") as file:
        if file.read(2) == b"PK":
            raise ValueError(f"{path} is a checkpoint of PyTorch: convert it with 'astmigrate weights' first")
        file.seek(0)
        return unpack(pickle.load(file))


def download_home() -> str:
    """The folder for downloads: ``$XDG_CACHE_HOME/mindspore``, by default in ``~/.cache``."""
    import os

    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "mindspore")


def hub_folder() -> str:
    """The folder for downloaded models: ``hub`` in that of all downloads."""
    import os

    return os.path.join(download_home(), "hub")


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """The converted checkpoint of a URL; the URL itself leads to one of PyTorch, which is not read here."""
    import os

    folder = model_dir or os.path.join(hub_folder(), "checkpoints")
    name = file_name or os.path.basename(url.partition("?")[0])
    path = os.path.join(folder, os.path.splitext(name)[0] + ".ckpt")
    if os.path.exists(path):
        return ms.load_checkpoint(path)
    if os.path.exists(os.path.join(folder, name)):
        return load(os.path.join(folder, name))
    raise FileNotFoundError(f"{path} is missing: download {url} and convert it with 'astmigrate weights'")


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """``torch.hub.download_url_to_file``: the file of a URL, its SHA-256 checked if one is given."""
    import hashlib
    import urllib.request

    with urllib.request.urlopen(url) as source:
        data = source.read()
    if hash_prefix and not hashlib.sha256(data).hexdigest().startswith(hash_prefix):
        raise RuntimeError(f"{url} does not have the hash {hash_prefix}")
    with open(dst, "wb") as file:
        file.write(data)

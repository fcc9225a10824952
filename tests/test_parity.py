"""Every fixture that runs, and efficientnet_pytorch, give in MindSpore the numbers that they give in torch.

The weights are random, BatchNorm statistics too; the checkpoint goes through ``astmigrate weights`` with
nothing unmatched; MindSpore loads it strictly in a process where torch cannot be imported.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from astmigrate.verify.registry import site
from tests.cases import RUNS, Case, Run
from tests.migrating import migrate, migrate_case
from tests.parity import both_sides
from tests.parity.both_sides import Model

EFFICIENTNETS = {f"efficientnet-b{number}": 224 for number in range(5)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All runs of all fixtures: migrated, run in torch, checkpoints converted."""
    folder = tmp_path_factory.mktemp("fixtures")
    models = [fixture_model(case, run, folder) for case, run in RUNS]
    for case in {case.name: case for case, _ in RUNS}.values():
        migrate_case(case, folder / f"{case.name}.migrated")
    assert both_sides.run_in_torch(models, folder) == ""
    assert both_sides.convert_weights(models, folder) == ""
    return folder


def fixture_model(case: Case, run: Run, folder: Path) -> Model:
    """A run of a fixture, to be migrated below ``folder``."""
    out = folder / f"{case.name}.migrated"
    rules = out / ("weights.json" if case.before.is_dir() else "before.weights.json")
    return Model(run.name, run.module, run.root, run.build, run.inputs, case.import_root, out, rules)


@pytest.mark.parametrize(("case", "run"), RUNS, ids=[run.name for _, run in RUNS])
def test_fixture(case: Case, run: Run, prepared: Path) -> None:
    """One run of a fixture: weights without rest, equal outputs."""
    model = fixture_model(case, run, prepared)
    assert both_sides.conversion(model, prepared) == ""
    assert both_sides.compare_in_mindspore(model, prepared) == ""


@pytest.fixture(scope="module")
def efficientnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """efficientnet_pytorch as the registry has it, migrated."""
    out = tmp_path_factory.mktemp("efficientnet") / "out"
    done = migrate(site() / "efficientnet_pytorch", out=out)
    assert done.returncode == 0, done.stderr
    return out


def test_efficientnet_leaves_nothing_to_do_in_model(efficientnet: Path) -> None:
    """No manual finding in model.py."""
    report = json.loads((efficientnet / "report.json").read_text(encoding="utf-8"))
    found = {file["path"]: file["findings"] for file in report["files"]}
    levels = [f["level"] for f in found["efficientnet_pytorch/model.py"]]
    assert levels.count("converted") > 10
    assert levels.count("manual") == 0


@pytest.mark.parametrize(("name", "size"), EFFICIENTNETS.items(), ids=EFFICIENTNETS.keys())
def test_efficientnet(name: str, size: int, efficientnet: Path, tmp_path: Path) -> None:
    """One EfficientNet with random weights on both sides."""
    model = Model(
        name=name,
        module="efficientnet_pytorch",
        root="efficientnet_pytorch.model:EfficientNet",
        build=f"EfficientNet.from_name({name!r})",
        inputs={"inputs": f"f32[1, 3, {size}, {size}]"},
        source=site(),
        migrated=efficientnet,
        rules=efficientnet / "weights.json",
    )
    assert both_sides.run_in_torch([model], tmp_path) == ""
    assert both_sides.convert_weights([model], tmp_path) == ""
    assert both_sides.conversion(model, tmp_path) == ""
    assert both_sides.compare_in_mindspore(model, tmp_path) == ""

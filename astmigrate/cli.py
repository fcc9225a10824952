"""The command line. What a command needs is imported when it runs: starting must stay cheap."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from astmigrate import __version__
from astmigrate.command_group import DefaultGroup

_EXAMPLES = """\b
Examples:
  astmigrate model.py -o out            out/model.py, its report and its weight rules
  astmigrate mypackage -o out           the whole package: out/mypackage/
  astmigrate train.py --diff            what would change; nothing is written
  astmigrate src --check                exit 1 if anything is left to migrate
  astmigrate - < model.py > new.py      from standard input to standard output
  astmigrate weights resnet.pth --rules out/weights.json --root resnet:ResNet -o resnet.ckpt
  astmigrate verify resnet.py out --root resnet:ResNet --input f32[1,3,64,64]   runs both sides
  astmigrate explain nn.Conv2d          what a torch name becomes, and how that is proven
"""

_EXITS = """\b
Exit codes:
  0  done (findings may remain)
  1  --check found work, or some input could not be migrated (all others were)
  2  wrong usage
  130  interrupted; files are whole, run again to go on
"""


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_CONTEXT = {"help_option_names": ["-h", "--help"]}


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"astmigrate {__version__}")
        ctx.exit()


@click.group(
    cls=DefaultGroup, context_settings=_CONTEXT, epilog=f"{_EXAMPLES}\n{_EXITS}", no_args_is_help=True
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
)
def main() -> None:
    """Rewrite PyTorch source into plain MindSpore source.

    SRC is a file, a folder, or - for standard input. Your code is read, never imported or run. Each thing
    that changed or could not be changed is a finding in the report. A comment '# astmigrate: ignore' leaves
    its line alone. Options can also stand in [tool.astmigrate] of the nearest pyproject.toml.
    """


@main.command(context_settings=_CONTEXT, epilog=f"{_EXAMPLES}\n{_EXITS}")
@click.argument(
    "sources", metavar="SRC...", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True)
)
@click.option("-o", "--output", metavar="OUT", type=click.Path(file_okay=False), help="Folder to write to.")
@click.option("--diff", is_flag=True, help="Print a unified diff; write nothing.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if anything is left to migrate.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Choice(["text", "json", "html", "sarif"]),
    help="Which report to write (with -o; default: text and json) or print (without). Repeatable.",
)
@click.option(
    "--exclude",
    metavar="GLOB",
    multiple=True,
    help="Leave out files and folders by name or path. Repeatable.",
)
@click.option(
    "-j", "--jobs", metavar="N", type=click.IntRange(min=1), help="The most processes; default: one a core."
)
@click.option("--no-cache", is_flag=True, help="Migrate every file anew; keep no results for the next run.")
@click.option(
    "--table",
    "tables",
    metavar="TOML",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Rows of your own, as in api_tables/; they go before astmigrate's. Repeatable.",
)
@click.option("--no-gitignore", is_flag=True, help="Migrate what git ignores, too.")
@click.option("-q", "--quiet", is_flag=True, help="No summary, no progress bar.")
def migrate(
    sources: tuple[str, ...],
    output: str | None,
    diff: bool,
    check: bool,
    reports: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int | None,
    no_cache: bool,
    tables: tuple[Path, ...],
    no_gitignore: bool,
    quiet: bool,
) -> None:
    """Rewrite SRC; the default command."""
    from astmigrate import places, settings
    from astmigrate.layout import LayoutError
    from astmigrate.model import TableError
    from astmigrate.run import Options, run

    try:
        defaults = settings.load(settings.find(sources))
        from_stdin = sources == ("-",)  # goes to standard output unless -o is on the command line
        out = output or (None if from_stdin else defaults.output)
        if not (out or diff or check or from_stdin):
            raise click.UsageError("say what to do: -o OUT to write there, --diff, or --check")
        options = Options(
            sources,
            Path(out) if out else None,
            diff,
            check,
            reports or defaults.report,
            exclude or defaults.exclude,
            quiet or defaults.quiet,
            jobs or defaults.jobs or places.cores(),
            None if no_cache or not defaults.cache else places.cache_folder,
            defaults.gitignore and not no_gitignore,
            _own_tables(tables or tuple(map(Path, defaults.tables))),
            ends=bool(click.get_current_context().find_root().obj),
        )
        _leave(run(options))
    except (LayoutError, settings.SettingsError) as error:
        raise click.UsageError(str(error)) from error
    except TableError as error:
        raise click.ClickException(f"astmigrate's own table is broken: {error}") from error


@main.command(context_settings=_CONTEXT)
@click.argument("checkpoint", type=_FILE)
@click.option("--rules", type=_FILE, help="The weight rules that the migration wrote.")
@click.option("-o", "--output", metavar="OUT", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="OUT.ckpt or OUT.safetensors; with --reverse OUT.pth or OUT.safetensors.")  # fmt: skip
@click.option("--root", metavar="MODULE:CLASS", help="The model's class, where the rules leave a choice.")
@click.option("--map", "maps", metavar="REGEX=REPLACEMENT", multiple=True, help="Rename targets. Repeatable.")
@click.option(
    "--list", "list_only", is_flag=True, help="Show both sides and write them as CSV; convert nothing."
)
@click.option("--reverse", is_flag=True, help="From a MindSpore checkpoint back to PyTorch's names.")
@click.option("--key", help="Where in the file the weights are, e.g. model_ema.")
def weights(
    checkpoint: Path,
    rules: Path | None,
    output: Path,
    root: str | None,
    maps: tuple[str, ...],
    list_only: bool,
    reverse: bool,
    key: str | None,
) -> None:
    """Convert the weights in CHECKPOINT for the migrated model.

    Reads .pth, .pt, .safetensors and sharded indexes. Exits 1 if a tensor has no place or the wrong shape.
    Needs the extra: pip install 'astmigrate[weights]'.
    """
    from rich.console import Console

    from astmigrate import settings
    from astmigrate.weights.command import run

    try:
        defaults = settings.load(settings.find(["-"])).weights
    except settings.SettingsError as error:
        raise click.UsageError(str(error)) from error
    if rules is None and defaults.rules is None:
        raise click.UsageError("say which rules: --rules OUT/weights.json, which the migration wrote")
    code = run(
        checkpoint,
        rules or Path(defaults.rules or ""),
        output,
        root=root or defaults.root,
        maps=maps or defaults.map,
        list_only=list_only,
        reverse=reverse,
        key=key,
        console=Console(),
    )
    _leave(code)


@main.command(context_settings=_CONTEXT)
@click.argument("source", metavar="SRC", type=click.Path(exists=True))
@click.argument("output", metavar="OUT", type=click.Path(exists=True, file_okay=False))
@click.option("--root", metavar="MODULE:NAME", required=True, help="The model: a class, or a function.")
@click.option("--args", "arguments", default="", help="What to call it with, e.g. 'num_classes=10'.")
@click.option("--input", "inputs", metavar="[NAME=]SPEC", multiple=True,
              help="'f32[1,3,64,64]', 'i64[2,8] 0..99', 'mask=bool[2,8]', 'n=3'. Repeatable.")  # fmt: skip
@click.option("--checkpoint", type=_FILE, help="Real weights; without it random ones that show a fault.")
@click.option("--key", default="", help="Where in the checkpoint the weights are, e.g. model_ema.")
@click.option("--rules", type=_FILE, help="The weight rules, if not those that the migration left in OUT.")
@click.option("--train", is_flag=True, help="Compare one training forward and all gradients; dropout is off.")
@click.option("--layers", type=click.Choice(["always", "different", "never"]), default="always",
              show_default=True, help="When to compare layer by layer.")  # fmt: skip
@click.option("--tolerance", type=click.FloatRange(min=0), default=1e-4, show_default=True,
              help="Of the largest difference, relative to max(1, max|y|).")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="For weights and inputs.")
@click.option("--timeout", type=float, default=600.0, show_default=True, help="Seconds for each side.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    source: str,
    output: str,
    root: str,
    arguments: str,
    inputs: tuple[str, ...],
    checkpoint: Path | None,
    key: str,
    rules: Path | None,
    train: bool,
    layers: str,
    tolerance: float,
    seed: int,
    timeout: float,
    as_json: bool,
) -> None:
    """Run a model of SRC in PyTorch and its migration in OUT in MindSpore, and compare them layer by layer.

    THIS RUNS YOUR CODE, both sides, each in a process of its own; no other command does. Both get the same
    weights, converted by the rules in OUT. Shows the first layer that differs, with the lines that made it.
    Needs the extra: pip install 'astmigrate[verify]'.

    \b
    Exit codes: 0 equal, 1 different, 2 could not run.
    """
    try:
        from astmigrate.verify.model_command import run
        from astmigrate.verify.models import Layers, Request
    except ImportError as error:
        raise click.UsageError(f"verify needs {error.name}: pip install 'astmigrate[verify]'") from error
    request = Request(
        source, output, root, arguments, inputs, str(rules or ""), str(checkpoint or ""), key, train,
        Layers(layers), tolerance, seed, timeout,
    )  # fmt: skip
    _leave(run(request, as_json))


@main.command(context_settings=_CONTEXT)
@click.argument("name")
@click.option("--table", "own", metavar="TOML", multiple=True, type=click.Path(path_type=Path),
              help="Rows of your own, too. Repeatable.")  # fmt: skip
def explain(name: str, own: tuple[Path, ...]) -> None:
    """Say what the torch NAME becomes: target, arguments on both sides, differences, proof.

    Any usual spelling will do: torch.nn.Conv2d, nn.Conv2d, F.gelu, Tensor.view, x.view.
    """
    from astmigrate import settings
    from astmigrate.explain import explain as explanation
    from astmigrate.explain import show
    from astmigrate.migrate import tables_with

    try:
        own = own or tuple(map(Path, settings.load(settings.find(["-"])).tables))
    except settings.SettingsError as error:
        raise click.UsageError(str(error)) from error
    tables = tables_with(_own_tables(own))
    if sys.stdout.isatty():
        from rich.console import Console

        _leave(0 if show(name, tables, Console()) else 2)
    text, found = explanation(name, tables)
    click.echo(text, err=not found)
    _leave(0 if found else 2)


def _own_tables(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The user's tables once they are checked; what is wrong with them is wrong usage."""
    if paths:
        from astmigrate.table_checks import check_own

        errors = check_own(paths)
        if errors:
            raise click.UsageError("\n".join(errors))
    return paths


def _leave(code: int) -> NoReturn:
    sys.exit(code)

"""A group of commands of which one is meant where none is named."""

from __future__ import annotations

import click

DEFAULT = "migrate"


class DefaultGroup(click.Group):
    """A group whose first command may be left out: ``astmigrate SRC`` is ``astmigrate migrate SRC``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {*self.commands, *(name for option in self.get_params(ctx) for name in option.opts)}
        if args and args[0] not in known:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[migrate] SRC... (-o OUT | --diff | --check)")
        formatter.write_usage(ctx.command_path, "COMMAND ...", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of the command that is meant where none is named, then the commands."""
        migrate = self.commands[DEFAULT]
        own = {record[0]: record for record in self._records(self, ctx)}
        rows = [*(r for r in self._records(migrate, ctx) if r[0] not in own), *own.values()]
        with formatter.section("Options"):
            formatter.write_dl(rows)
        self.format_commands(ctx, formatter)

    def _records(self, command: click.Command, ctx: click.Context) -> list[tuple[str, str]]:
        options = (param for param in command.get_params(ctx) if isinstance(param, click.Option))
        records = (option.get_help_record(ctx) for option in options)
        return [record for record in records if record is not None]

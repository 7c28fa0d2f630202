"""The Typer layer: a command module becomes a Typer command.

A module has NAME, HELP (one line), EXAMPLE, JSON (the shape of what --json prints), perhaps WRITES = True,
HIDDEN = True (a former name) and DOING (what takes more than a second), and `run(connection, …)`, whose other
parameters carry their Typer metadata in `Annotated`; `run` itself is a plain function. Each command gets `--stack`,
and one that writes gets `--yes` and the question before the first write to an account.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from inspect import Parameter, Signature
from types import ModuleType
from typing import Annotated, Any, get_type_hints

import typer
import typer.core
from rich.markup import escape

from cli import target
from cli.connection import Connection
from cli.options import Stack, Version, Yes
from cli.progress import working
from sluice.contract import in_own_words

Connect = Callable[[str], Connection]
_STACK = Parameter("stack", Parameter.KEYWORD_ONLY, default=None, annotation=Stack)
_YES = Parameter("yes", Parameter.KEYWORD_ONLY, default=False, annotation=Yes)


_MEANT = {
    "score": "batch (a file of rows) or ask (one request)",
    "help": "sluice --help, or sluice COMMAND --help",
    "predict": "ask (one request) or batch (a file of rows)",
}
"""What people call a command that has another name, where the nearest name would mislead."""


class _Commands(typer.core.TyperGroup):
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and (meant := _MEANT.get(args[0])) and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command '{args[0]}'. Did you mean {meant}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = in_own_words(error.message)
            raise


def application(modules: Iterable[ModuleType], connect: Connect, stack: str) -> typer.Typer:
    """Every module as a command; `connect` makes the connection to the stack that is named, `stack` if none is."""
    app = typer.Typer(
        name="sluice",
        cls=_Commands,
        help="A file dropped into S3 becomes a guarded model in production.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    chosen = {"stack": stack}

    @app.callback()
    def general(stack: Stack = None, version: Version = False) -> None:
        chosen["stack"] = stack or chosen["stack"]

    for module in modules:
        _add(app, module, connect, chosen)
    return app


def parameters(module: ModuleType) -> list[Parameter]:
    """Those of the module's `run` but for the connection, with their annotations resolved, and its OPTIONS."""
    hints = get_type_hints(module.run, include_extras=True)
    own = list(inspect.signature(module.run).parameters.values())[1:]
    plain = [each for each in own if each.kind is not Parameter.VAR_KEYWORD]
    resolved = [each.replace(annotation=hints[each.name], kind=Parameter.KEYWORD_ONLY) for each in plain]
    return resolved + list(getattr(module, "OPTIONS", []))


def option(name: str, default: Any, help_text: str) -> Parameter:
    """An option that is made from data, such as a field of a table of assumptions."""
    return Parameter(
        name,
        Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[type(default), typer.Option(help=escape(help_text))],
    )


def _add(app: typer.Typer, module: ModuleType, connect: Connect, chosen: dict[str, str]) -> None:
    own = parameters(module)
    writes = bool(getattr(module, "WRITES", False))
    asks = "yes" in {each.name for each in own}
    extra = [_STACK, *([_YES] if writes and not asks else [])]

    def called(**given: Any) -> None:
        connection = connect(given.pop("stack") or chosen["stack"])
        yes = bool(given["yes"] if asks else given.pop("yes", False))
        try:
            if writes:
                where = connection.target
                target.announce(where, connection.stack)
                target.confirm(where, yes=yes)
            with working(getattr(module, "DOING", "asking the stack")):
                code = int(module.run(connection, **given) or 0)
        except KeyboardInterrupt:
            raise Stopped from None
        raise typer.Exit(code)

    # Typer reads a command's options from the signature
    called.__signature__ = Signature([*own, *extra])  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in (*own, *extra)}
    text = escape(inspect.cleandoc(module.__doc__ or module.HELP))
    app.command(
        module.NAME,
        help=text,
        short_help=escape(module.HELP),
        epilog=escape(f"Example: {module.EXAMPLE}"),
        hidden=bool(getattr(module, "HIDDEN", False)),
    )(called)


class Stopped(Exception):  # noqa: N818 - an answer to Ctrl-C, not an error
    """Ctrl-C."""

"""`agentkit chat`: a conversation with an agent."""

from __future__ import annotations

import os

import click

from agentkit.cli.chosen import Chosen, build, choice_options


@click.command("chat", short_help="A conversation in the terminal.")
@click.option(
    "--session", metavar="NAME", help="Go on with this conversation; `last` is the one used last."
)
@choice_options
@click.pass_obj
def command(debug: bool, /, session: str | None, chosen: Chosen) -> int:
    """Talk with an agent: each line is a turn, and each turn a run that is kept.

    A new conversation begins where no --session is named. `/help` lists what else can be typed.
    Without a terminal each line of standard input is a turn, and standard output has the answers
    alone.
    """
    import asyncio

    from agentkit.cli.chat.prompt import Lines, is_person
    from agentkit.cli.chat.slash import COMMANDS, obey, use
    from agentkit.cli.chat.talk import Chat, new_session, say
    from agentkit.cli.hints import Hints
    from agentkit.cli.stored import open_here
    from agentkit.cli.tracing import traced_here

    agent = build(chosen, os.environ)
    with asyncio.Runner() as runner:
        store = traced_here(open_here(chosen.store), os.environ)
        try:
            chat = Chat(
                agent=agent,
                store=store,
                runner=runner,
                hints=Hints(store=chosen.store),
                session=session or new_session(),
                debug=debug,
            )
            if session is not None:
                use(chat, session)
            elif is_person():
                say(f"session {chat.session}; /help says what can be typed")
            return chat.talk(Lines(store.folder, [f"/{name}" for name in COMMANDS]), obey)
        finally:
            runner.run(store.close())

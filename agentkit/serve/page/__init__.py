"""The server's page: runs to look at, to start and to decide about, and a chat with each agent.

All of it is made by the server, by the templates of `agentkit.report` and those here; htmx puts
parts that changed into a page that is open. Without script it works as well: reload.

routes.py    where what is, behind the guard of the server's application
door.py      how a browser is let in
site.py      what all pages share: templates, headers, errors
listing.py   the list of runs
one.py       a run, its actions, its stream
parts.py     what of a run's page changed, for the stream
chat.py      a conversation with an agent
forms.py     what a browser sends, as the words of the server's operations
"""

from agentkit.serve.page.routes import OPEN, routes

__all__ = ["OPEN", "routes"]

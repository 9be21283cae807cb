"""Small plans for the oracle test: sound ones, and ones with a mistake in a known line.

`call` is a recording, `photo` an image, `topic` a text, `limit` an integer, `prices` numbers.
"""

from __future__ import annotations

SOUND = [
    "hits = search(query=topic)\nanswer(using=[hits])",
    "hits = search(query=topic, k=limit)",
    "hits = search(query=topic, k=limit + 1, mode='exact')",
    "hits = search(topic, 3)",
    "talk = transcribe(audio=call)\nhits = search(query=talk.text)",
    "talk = transcribe(audio=call)\nhits = search(query=talk.segments[0].text)",
    "talk = transcribe(audio=call)\nfirst = talk.segments[-1]\nhits = search(query=first.text)",
    "seen = read_image(image=photo)\nhits = search(query=seen.lines[0])",
    "hits = search(query=topic)\nnotes = [summarize(text=h.text) for h in hits]",
    "hits = search(query=topic)\nnotes = [summarize(text=h.text) for h in hits if h.score > 0.5]",
    "hits = search(query=topic)\nnotes = [summarize(text=h.text, sentences=2) for h in hits[:2]]",
    "hits = search(query=topic)\nnotes = [summarize(text=translate(text=h.text)) for h in hits]",
    "hits = search(query=topic)\nn = [summarize(text=h.title) for h in hits if h.title is not None]",  # noqa: E501
    "hits = search(query=topic)\nn = [summarize(text=h.title or h.text) for h in hits]",
    "hits = search(query=topic)\nif hits[0].title is not None:\n    s = summarize(text=hits[0].title)",  # noqa: E501
    "hits = search(query=topic)\nif hits[0].title:\n    s = summarize(text=hits[0].title)",  # noqa: E501
    "hits = search(query=topic)\nt = hits[0].title\nif t is None:\n    s = summarize(text=topic)\n"
    "else:\n    s2 = summarize(text=t)",
    "best = summarize(text=f'{topic}: {limit}')",
    "best = summarize(text=f'{topic}: {limit * 1.19:.2f}')",
    "best = summarize(text=f'{topic!r:>20} {limit:05d} {limit:,} {prices[0]:>8.1f} {topic:<9}')",
    "best = summarize(text=topic + '!')",
    "best = summarize(text=topic * 2)",
    "sum_of = total(lines=prices)",
    "sum_of = total(lines=[1.5, 2.5])",
    "hits = search(query=topic)\nsum_of = total(lines=[h.score for h in hits])",
    "hits = search(query=topic)\nsum_of = total(lines=sorted([h.score for h in hits]))",
    "hits = search(query=topic, k=len(prices))",
    "hits = search(query=topic, k=round(max(prices)))",
    "hits = search(query=topic, k=int(topic))",
    "hits = search(query=topic, k=sum([1, 2]))",
    "hits = search(query=str(limit))",
    "best = summarize(text=topic if limit > 3 else 'nothing')",
    "sum_of = total(lines=prices)\nif sum_of > 10 and limit < 3:\n    card = draw(prompt=topic)",
    "sum_of = total(lines=prices)\nif not sum_of:\n    card = draw(prompt=topic)\n"
    "else:\n    card2 = draw(prompt='some')",
    "card = draw(prompt=topic)\nseen = read_image(image=card)",
    "seen = read_image(image=draw(prompt=topic))",
    "w = weigh(hit=search(query=topic)[0])",
    "hits = search(query=topic)\nw = [weigh(hit=h) for h in hits]\nsum_of = total(lines=w)",
    "free = anything(value=topic)\nhits = search(query=free, k=free)",
    "free = anything(value=topic)\nhits = search(query=free.some.field[3])",
    "free = anything(value={'topic': topic, 'prices': prices})",
    "counts = count(texts=[topic, 'b'])\nhits = search(query=topic, k=counts['b'])",
    "counts = count(texts=[topic])\nhits = search(query=topic, k=sum([counts[c] for c in counts]))",
    "rows = [[h, p] for h, p in zip(search(query=topic), prices)]\nanswer(using=[rows])",
    "n = [p * i for i, p in enumerate(prices)]\nsum_of = total(lines=n)",
    "ok = topic in ['a', 'b']\nok2 = 'a' in topic\nok3 = limit == topic",
]

WRONG = [
    ("hits = serch(query=topic)", 1),
    ("hits = search(quary=topic)", 1),
    ("hits = search(k=3)", 1),
    ("hits = search()", 1),
    ("hits = search(query=topic, deep=True)", 1),
    ("hits = search(query=limit)", 1),
    ("hits = search(query=topic, k='3')", 1),
    ("hits = search(query=topic, k=2.5)", 1),
    ("hits = search(query=topic, k=None)", 1),
    ("hits = search(query=topic, mode='best')", 1),
    ("hits = search(query=topic, mode=topic)", 1),
    ("hits = search(query=topik)", 1),
    ("hits = search(query=['a'])", 1),
    ("talk = transcribe(audio='call.wav')", 1),
    ("talk = transcribe(audio=topic)", 1),
    ("talk = transcribe(audio=photo)", 1),
    ("seen = read_image(image=call)", 1),
    ("talk = transcribe(audio=call)\nhits = search(query=talk)", 2),
    ("talk = transcribe(audio=call)\nhits = search(query=talk.txt)", 2),
    ("talk = transcribe(audio=call)\nhits = search(query=talk.segments)", 2),
    ("talk = transcribe(audio=call)\nhits = search(query=talk.segments.text)", 2),
    ("talk = transcribe(audio=call)\nhits = search(query=talk.segments[0])", 2),
    ("hits = search(query=topic)\nnote = summarize(text=hits)", 2),
    ("hits = search(query=topic)\nnote = summarize(text=hits[0].title)", 2),
    ("hits = search(query=topic)\nnotes = [summarize(text=h) for h in hits]", 2),
    ("hits = search(query=topic)\nnotes = [summarize(text=h.body) for h in hits]", 2),
    (
        "hits = search(query=topic)\nn = [summarize(text=h.text) for h in hits if h.score > topic]",
        2,
    ),
    ("hits = search(query=topic)\nn = [summarize(text=h.title) for h in hits]", 2),
    ("notes = [summarize(text=h) for h in limit]", 1),
    ("best = summarize(text=topic + 1)", 1),
    ("best = summarize(text=topic - 'a')", 1),
    ("best = summarize(text=limit)", 1),
    ("best = summarize(text=-topic)", 1),
    ("best = summarize(text=topic[limit:][0].x)", 1),
    ("sum_of = total(lines=topic)", 1),
    ("sum_of = total(lines=3)", 1),
    ("sum_of = total(lines=['a'])", 1),
    ("hits = search(query=topic)\nsum_of = total(lines=[h.text for h in hits])", 2),
    ("sum_of = total(lines=prices)\nif sum_of > topic:\n    card = draw(prompt=topic)", 2),
    ("sum_of = total(lines=prices)\nbest = summarize(text=sum_of)", 2),
    ("sum_of = total(lines=len(prices))", 1),
    ("n = len(limit)", 1),
    ("n = sum([topic])", 1),
    ("n = abs(topic)", 1),
    ("n = topic < limit", 1),
    ("n = limit in topic", 1),
    ("card = draw(prompt=topic)\ntalk = transcribe(audio=card)", 2),
    ("w = weigh(hit=topic)", 1),
    ("w = weigh(hit=transcribe(audio=call))", 1),
    ("counts = count(texts=[topic, 3])", 1),
    ("counts = count(texts=topic)", 1),
    ("counts = count(texts=[topic])\nhits = search(query=counts['a'])", 2),
    ("best = summarize(text=topic if limit > 3 else limit)", 1),
    ("best = summarize(text=topic)\nmore = best.text", 2),
    ("answer(using=[nothing])", 1),
]

DIFFERENT = [
    # Lists are only read here, so a list of integers is one of numbers; Python's can be written to.
    ("counts = count(texts=[topic])\nn = [limit]\nsum_of = total(lines=n)", True),
    # Types are structural: an object with the right fields is a hit, whoever made it.
    ("w = weigh(hit={'text': topic, 'score': 0.5, 'title': None})", True),
    # A name bound to a literal keeps its value as its type.
    ("m = 'exact'\nhits = search(query=topic, mode=m)", True),
    # JSON has booleans that are no numbers, and the call refuses them.
    ("hits = search(query=topic, k=True)", False),
    # The formats of f-strings would fail when the plan runs; mypy does not look into them.
    ("best = summarize(text=f'{topic:.2f}')", False),
    ("best = summarize(text=f'{limit:s}')", False),
    # A text can be iterated in Python; mapping a tool over its characters is never meant.
    ("notes = [summarize(text=c) for c in topic]", False),
]
"""Where the check differs from Python on purpose: the plan, and whether the check takes it."""

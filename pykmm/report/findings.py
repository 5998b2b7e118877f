# SPDX-License-Identifier: GPL-2.0-only
"""A finding as text: the call or the operations, the first event and field that differ."""


def _event(name: str, event: dict | None) -> str:
    if event is None:
        return f"    {name:<3} (no event: it had ended)"
    return f"    {name:<3} {event['step'] or '-':<5} {event['text']}   {event['place']}"


def heading(found: dict) -> str:
    wild = ", wild world" if found["wild"] else ""
    return f"{found['call']}   units {found['units']}{wild}"


def counted(number: int, noun: str) -> str:
    """1 case, 2,000 cases."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def operations(found: dict, *, whole: bool = True) -> list[str]:
    """The operations of a sequence by number and process, that in which halves part marked.

    whole : bool    False: nothing that comes after that one
    """
    parted = (found["difference"] or {}).get("operation")
    lines = [f"  #{i:<3} {text}" + ("   <- here they part" if i == parted else "")
             for i, text in enumerate(found["operations"])]
    if parted is None or whole or parted + 1 == len(lines):
        return lines
    return [*lines[:parted + 1], f"  ({counted(len(lines) - parted - 1, 'operation')} more)"]


def difference(found: dict) -> list[str]:
    """Lines on where two halves part: outcome, event, field."""
    parted = found["difference"]
    if parted is None:
        return ["no difference: all halves gave the same outcome, events and state"]
    first, other = parted["against"], parted["half"]
    number = parted.get("operation")
    lines = [f"{first} and {other} differ" + ("" if number is None else f" in operation #{number}")]
    if parted["ended"]:
        lines += ["  outcome:", f"    {first:<3} {parted['ended'][0]}",
                  f"    {other:<3} {parted['ended'][1]}"]
    if parted["event"]:
        lines += [f"  first differing event, number {parted['event']['number']}:",
                  _event(first, parted["event"]["first"]), _event(other, parted["event"]["other"])]
    else:
        lines.append("  events: the same")
    if parted["field"]:
        field = parted["field"]
        more = f"   (and {field['more']} more)" if field["more"] else ""
        lines += [f"  first differing field: {field['path']}{more}",
                  f"    {first:<3} {field['first']}", f"    {other:<3} {field['other']}"]
    elif parted["event"]:
        lines.append("  state: the same where it is compared")
    return lines


def side_by_side(found: dict) -> list[str]:
    """Events of all halves: one line where they agree, one a half from where they do not."""
    halves = found["halves"]
    lines = []
    longest = max(len(half["events"]) for half in halves)
    agree = True
    for i in range(longest):
        events = [h["events"][i] if i < len(h["events"]) else None for h in halves]
        if all(e and e["words"] == (events[0] or {}).get("words") for e in events):
            lines.append(f"  {i:>3} {events[0]['step'] or '-':<5} {events[0]['text']}")
            continue
        lines.append(f"  {i:>3} {'<- first difference' if agree else ''}".rstrip())
        agree = False
        lines += [_event(half["name"], event) for half, event in zip(halves, events, strict=True)]
    return lines


def changes(found: dict) -> list[str]:
    """What each half changed in the world; halves that changed the same share a list."""
    lines, done = [], []
    for half in found["halves"]:
        if half["changed"] in done:
            continue
        done.append(half["changed"])
        names = ", ".join(h["name"] for h in found["halves"] if h["changed"] == half["changed"])
        lines.append(f"changed by {names}:")
        lines += [f"    {path}: {before} -> {after}" for path, before, after in half["changed"]]
        if not half["changed"]:
            lines.append("    nothing")
    return lines


def world(found: dict) -> list[str]:
    """The world that the first half left, if the case was a sequence."""
    first = found["halves"][0]
    if "world" not in first:
        return []
    return [f"the world that {first['name']} left:", *(f"    {line}" for line in first["world"])]


def lasting(found: object) -> object:
    """A finding without the words of its events: addresses mean nothing in another process."""
    if isinstance(found, dict):
        return {key: lasting(value) for key, value in found.items() if key != "words"}
    if isinstance(found, list):
        return [lasting(value) for value in found]
    return found

"""Documents as tests read them: sections with blocks of commands, sessions, messages and programs.

A block of commands is indented, or fenced as `sh`. A session is fenced as `console`: a line that begins with `$ ` is a
command, the lines up to the next one are what it prints. There a line `...` stands for any lines, and `...` within a
line for any text; times, durations, sizes and numbers of rounds need not be the same, everything else must.
"""

import re
import shlex
from dataclasses import dataclass, field

# Kind of a block that has no fence.
INDENTED = "indented"
FENCE = re.compile(r"^```(.*)$")
HEADING = re.compile(r"^#{1,4} (.+)$")
DURATION = r"-?\d+(?:\.\d+)?(?:us|µs|ms|s|m|h|d)(?:\d+(?:us|ms|s|m|h))*"
# What need not be the same, as it is shown and as it may be.
LOOSE = [
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?",
    r"\d{4}-\d\d-\d\d",
    r"\d\d:\d\d:\d\d",
    r"\b[0-9a-f]{8}(?:[0-9a-f]{8})?\b",
    DURATION + r"(?![\w.])",
    r"\d+(?:\.\d+)? [KMGT]?i?B\b",
    r"\d+(?:\.\d+)?(?=/s\b)",
]
KINDS = [r"(?P<any>\.\.\.)", r"(?P<space>\s+)"] + [f"(?P<loose{number}>{each})" for number, each in enumerate(LOOSE)]
TOKEN = re.compile("|".join(KINDS))


@dataclass
class Block:
    kind: str  # INDENTED, or what stands behind the fence
    text: str
    line: int


@dataclass
class Section:
    title: str
    blocks: list = field(default_factory=list)

    def steps(self):
        """(command, lines it prints or None) of its commands and sessions, in their order."""
        for block in self.blocks:
            if block.kind in (INDENTED, "sh"):
                yield from ((command, None) for command in commands(block.text))
            elif block.kind == "console":
                yield from session(block.text)


def sections(text):
    """Title -> Section. What stands before the first heading has the title ""."""
    found, current, block = {"": Section("")}, "", None
    blank = True
    for number, line in enumerate(text.splitlines(), 1):
        fence, heading = FENCE.match(line), HEADING.match(line)
        if block is not None and block.kind != INDENTED:
            if fence:
                block = None
            else:
                block.text += line + "\n"
        elif fence:
            block = Block(fence.group(1).strip(), "", number)
            found[current].blocks.append(block)
        elif line.startswith("    ") and (blank or block is not None):
            if block is None:
                block = Block(INDENTED, "", number)
                found[current].blocks.append(block)
            block.text += line[4:] + "\n"
        else:
            block = None
            if heading:
                current = heading.group(1)
                if current in found:
                    raise ValueError(f"line {number}: two sections '{current}'")
                found[current] = Section(current)
        blank = not line.strip()
    return found


def commands(text):
    """Its commands, without comments. Lines that are continued, within quotes, or of a here-document belong to the line
    that they begin with."""
    found, end, quoted = [], None, False
    for line in text.replace("\\\n", " ").splitlines():
        if end is None and not quoted:
            line = re.sub(r"(^|\s)# .*", "", line).strip()
            if not line:
                continue
            found.append(line)
            here = re.search(r"<<'(\w+)'", line)
            end = here and here.group(1)
        else:
            found[-1] += "\n" + line
            end = None if line == end else end
        quoted = end is None and not is_whole(found[-1])
    return found


def is_whole(command):
    """Whether its quotes are closed."""
    try:
        shlex.split(command.partition("\n")[0] if "<<'" in command else command)
        return True
    except ValueError:
        return False


def session(text):
    """(command, lines it prints) for each."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        count = 1
        while not is_complete(lines[:count]):
            count += 1
        (command,) = commands("\n".join(lines[:count]))
        yield command, [line for line in lines[count:] if line.strip()]


def is_complete(lines):
    here = re.search(r"<<'(\w+)'", lines[0])
    if here:
        return here.group(1) in lines[1:]
    return not lines[-1].endswith("\\") and is_whole("\n".join(lines))


def pattern(shown):
    """A regular expression for what a shown line stands for."""
    made, at = "", 0
    for token in TOKEN.finditer(shown):
        made += re.escape(shown[at:token.start()])
        at = token.end()
        if token.lastgroup == "any":
            made += ".*"
        elif token.lastgroup == "space":
            made += r"\s+"
        else:
            made += "(?:" + LOOSE[int(token.lastgroup.removeprefix("loose"))] + ")"
    return made + re.escape(shown[at:])


def difference(shown, printed):
    """None if the lines that are shown stand for the text that was printed; otherwise the first that does not."""
    actual = [line.strip() for line in printed.splitlines() if line.strip()]
    at, skip = 0, False
    for line in shown:
        if line.strip() == "...":
            skip = True
            continue
        regex = re.compile(pattern(line.strip()))
        places = range(at, len(actual)) if skip else range(at, min(at + 1, len(actual)))
        place = next((place for place in places if regex.fullmatch(actual[place])), None)
        if place is None:
            return f"shown:   {line}\nprinted: " + "\n         ".join(actual[at:] or ["nothing more"])
        at, skip = place + 1, False
    return None if skip or at == len(actual) else "printed, but not shown: " + "\n".join(actual[at:])

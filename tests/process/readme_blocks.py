#!/usr/bin/env python3
"""The programs that a README shows.

Usage: readme_blocks.py README NUMBER OUTPUT: writes its C++ block of that number, from 1, as a complete program. A
block without a main function becomes the body of one.
"""

import re
import sys
from pathlib import Path

MAIN = """#include <baton/client.h>

#include <cstdio>

int main() {{
{body}
  if (!end.ok()) return std::fprintf(stderr, "%s\\n", end.status().ToString().c_str()), 1;
  std::printf("%s\\n", end->result.bytes().c_str());
  return end->state == baton::TaskState::kCompleted ? 0 : 1;
}}
"""


def cpp_blocks(text):
    return re.findall(r"^```cpp\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def program(block):
    return block if "int main(" in block else MAIN.format(body=block.rstrip())


def main():
    readme, number, output = sys.argv[1:]
    blocks = cpp_blocks(Path(readme).read_text())
    if len(blocks) < int(number):
        sys.exit(f"{readme}: it has {len(blocks)} blocks of C++, not {number}")
    Path(output).write_text(program(blocks[int(number) - 1]))


if __name__ == "__main__":
    main()

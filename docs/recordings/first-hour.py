#!/usr/bin/env python3
"""Plays a stranger's first hour with nothing but the README, on the machine of `clean-machine`.

    asciinema rec -i 2 --cols 120 --rows 36 -c 'first-hour.py try FOLDER' FOLDER/try.cast

plays one part (see PARTS) on the terminal that it is given; FOLDER gets the times that were measured and pictures of the
screen as text with colours. `first-hour.py join FOLDER FILE` puts the recordings of all parts into one and prints the times.
Needs pexpect and pyte, and what `clean-machine` needs.
"""

import contextlib
import copy
import json
import pathlib
import random
import re
import subprocess
import sys
import time
import tty

import pexpect
import pyte

COLUMNS, ROWS = 120, 36
MACHINE = str(pathlib.Path(__file__).with_name("clean-machine"))
PROMPT = r"\d\d:\d\d:\d\d \S+ \$ $"


class Person:
    """Types at the pace of a person, reads the screen, and waits until something stands on it."""

    def __init__(self, part, folder, command=(MACHINE, "enter")):
        self.part, self.folder = part, pathlib.Path(folder)
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.times, self.aside = [], None
        self.dice = random.Random(part)
        if sys.stdout.isatty():
            tty.setraw(sys.stdout)
        program, *arguments = command
        self.child = pexpect.spawn(program, arguments, dimensions=(ROWS, COLUMNS), timeout=None)

    def pump(self, seconds):
        """Shows what arrives for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(pexpect.TIMEOUT):
                data = self.child.read_nonblocking(65536, min(left, 0.05))
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
                self.feed(data)

    def feed(self, data):
        """pyte knows no second screen: the first one is put aside while a program has the other."""
        for piece in re.split(rb"(\x1b\[\?1049[hl])", data):
            if piece.endswith(b"1049h"):
                self.aside = copy.deepcopy((self.screen.buffer, self.screen.cursor))
                self.screen.erase_in_display(2)
            elif piece.endswith(b"1049l") and self.aside:
                self.screen.buffer, self.screen.cursor = self.aside
                self.aside = None
            self.stream.feed(piece)

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines()).rstrip("\n")

    def see(self, pattern, patience=60):
        """Waits until it stands on the screen; a prompt must be where the cursor is."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            self.pump(0.05)
            line = self.lines()[self.screen.cursor.y][: self.screen.cursor.x]
            found = re.search(pattern, line.rstrip() + " ") if pattern == PROMPT else re.search(pattern, self.text(), re.M)
            if found:
                return found
        self.shot("lost")
        raise SystemExit(f"{self.part}: no {pattern!r} on the screen after {patience} s:\n{self.text()}")

    def read(self, seconds):
        """Looks at the screen for a while."""
        self.pump(seconds)

    def type(self, text):
        for letter in text:
            self.child.send(letter)
            self.pump(self.dice.uniform(0.03, 0.09))
        self.pump(0.4)

    def key(self, key, then=2.0):
        """A single key in the console, and a look at what it does."""
        names = {"enter": "\r", "esc": "\x1b", "down": "\x1b[B", "up": "\x1b[A"}
        self.child.send(names.get(key, key))
        self.pump(then)

    def enter(self):
        self.child.send("\r")

    def run(self, command, patience=60, then=1.5):
        """A command at the prompt, until the next one."""
        self.type(command)
        self.enter()
        self.pump(0.5)
        self.see(PROMPT, patience)
        self.read(then)

    def answer(self, question, text, then=0.5):
        self.see(question, 60)
        self.read(1.5)
        self.type(text)
        self.enter()
        self.pump(then)

    @contextlib.contextmanager
    def phase(self, name, typed):
        """What is measured: from the first letter to where the block ends."""
        begin = time.monotonic()
        yield
        self.times.append({"phase": name, "typed": typed, "seconds": round(time.monotonic() - begin, 1)})

    def shot(self, name):
        """The screen as text with colours, as tools that draw terminals read it."""
        out = []
        for y in range(ROWS):
            last, row = None, ""
            for x in range(COLUMNS):
                cell = self.screen.buffer[y][x]
                look = (cell.fg, cell.bg, cell.bold, cell.reverse)
                if look != last:
                    row += "\x1b[0" + ";1" * cell.bold + ";7" * cell.reverse + colour(cell.fg, 38) + colour(cell.bg, 48) + "m"
                    last = look
                row += cell.data
            out.append(row.rstrip() + "\x1b[0m")
        (self.folder / f"{self.part}-{name}.ansi").write_text("\n".join(out) + "\n")

    def leave(self):
        (self.folder / f"{self.part}.json").write_text(json.dumps(self.times, indent=1) + "\n")
        self.child.sendeof()
        with contextlib.suppress(pexpect.EOF):
            self.pump(1)


NAMES = ["black", "red", "green", "brown", "blue", "magenta", "cyan", "white"]


def colour(name, base):
    if name == "default":
        return ""
    if name.removeprefix("bright") in NAMES:
        bright = 60 if name.startswith("bright") else 0
        return f";{base - 8 + bright + NAMES.index(name.removeprefix('bright'))}"
    return f";{base};2;" + ";".join(str(int(name[i : i + 2], 16)) for i in (0, 2, 4))


def try_it(me):
    """README, "Try it": from nothing to the demo."""
    with me.phase("get it", "git clone"):
        me.run("git clone /srv/git/hotspare.git && cd hotspare")
    me.run("sed -n '/^## Try/,/^## Use/p' README.md", then=6)
    with me.phase("compile", "cargo run --release -- demo"):
        me.type("cargo run --release -- demo")
        me.enter()
        me.see(r"Running `target/release/hotspare demo`|press 2|^error", 3600)
    with me.phase("the first screen of the demo", ""):
        me.see("press 2", 60)
    demo(me)


def demo(me):
    with me.phase("look at the demo", "2, enter, 3, 4, x x, ?, q"):
        me.read(4)
        me.shot("first")
        me.key("2", 6)
        me.see("studio-spare", 60)
        me.key("enter", 6)
        me.shot("takeover")
        me.key("esc", 2)
        me.key("3", 8)
        me.shot("lag")
        me.key("4", 6)
        me.shot("sessions")
        me.see("safe", 60)
        me.key("enter", 6)
        me.shot("session")
        me.key("esc", 2)
        me.key("x", 0.4)
        me.key("x", 4)
        me.shot("delete")
        me.type("DELETE")
        me.read(1)
        me.enter()
        me.read(5)
        me.shot("deleted")
        me.key("?", 5)
        me.shot("help")
        me.key("esc", 2)
        me.key("q", 0.5)
        me.see(PROMPT, 30)
        me.read(3)
        me.shot("left")


def again(me):
    """The demo once more with sshd, which its takeovers need."""
    me.run("cd ~/hotspare")
    with me.phase("install sshd, so that the demo can take over", "sudo apt-get install openssh-server"):
        me.run("sudo apt-get install -y --no-install-recommends openssh-server", 200)
    with me.phase("the demo again, until its first screen", "cargo run --release -- demo"):
        me.type("cargo run --release -- demo")
        me.enter()
        me.see("press 2", 120)
    with me.phase("a takeover, its steps, and a session that is deleted", "2, enter, 4, x x"):
        me.key("2", 1)
        me.see("studio-spare +standing in", 60)
        me.read(4)
        me.key("enter", 6)
        me.shot("takeover")
        me.key("esc", 1)
        me.key("4", 1)
        me.see("safe to delete", 60)
        for _ in range(9):
            if re.search("^▌ ✓", me.text().replace("│", ""), re.M):
                break
            me.key("down", 0.7)
        me.key("x", 0.4)
        me.key("x", 3)
        me.type("DELETE")
        me.read(1)
        me.shot("delete")
        me.enter()
        me.read(5)
        me.shot("deleted")
    me.key("q", 0.5)
    me.see(PROMPT, 30)
    me.read(2)


def install(me):
    """README, "Use it": the program into ~/.cargo/bin."""
    me.run("cd ~/hotspare")
    with me.phase("install, from what the demo compiled", "cargo install --locked --path ."):
        me.run("cargo install --locked --path .", 3600)
    me.run("hotspare --version")


def init(me):
    """A fleet file from nothing, the doctor, the console."""
    me.run("sed -n '/^## Use it/,/^The engine/p' hotspare/README.md", then=5)
    me.run("mkdir site && cd site")
    with me.phase("from nothing to a running console", "hotspare init"):
        with me.phase("of which the questions", ""):
            me.type("hotspare init")
            me.enter()
            me.answer("Name of the fleet", "harbour")
            me.answer("Which of them \\(numbers", "all")
            me.answer("(A|Another) host, as", "")
            me.answer("spares, if any", "studio-spare")
            me.answer("Folder of recordings", "/data/recordings")
            me.answer("Where copies", "/media/disk")
            me.see("hotspare.toml written")
        me.shot("asked")
        me.answer("Try all that it needs", "y")
        me.see("Open the console", 60)
        me.shot("doctor")
        me.read(6)
        me.type("y")
        me.enter()
        me.see("Hosts .*degraded|Hosts .*up", 60)
    me.read(8)
    me.shot("console")
    me.key("q", 2)
    me.see(PROMPT)
    me.run("hotspare check")
    me.run("tail -24 hotspare.toml", then=4)


def mend(me):
    """What the doctor found, mended as it says."""
    me.run("cd site && clear")
    with me.phase("the doctor's two faults", "hotspare doctor"):
        me.run("hotspare doctor", then=5)
        me.shot("bad")
        me.run("sudo apt-get install -y iputils-ping", 120)
        me.type("ssh studio-spare true")
        me.enter()
        me.see("fingerprint")
        me.read(3)
        me.type("yes")
        me.enter()
        me.see(PROMPT)
        me.run("clear; hotspare doctor", then=5)
        me.shot("good")
    me.run("hotspare status; echo exit $?", then=3)
    me.read(30)
    me.run("hotspare status; echo exit $?", then=3)


def look(me):
    """The other commands of "Use it", and each pane."""
    me.run("cd site && clear")
    with me.phase("each pane of the console", "hotspare"):
        me.type("hotspare")
        me.enter()
        me.see("all well", 60)
        me.read(4)
        me.key("enter", 5)
        me.shot("host")
        me.key("esc")
        me.key("2", 3)
        me.key("w", 5)
        me.key("esc")
        me.key("3", 3)
        me.key("c", 4)
        me.shot("copy")
        me.key("enter", 6)
        me.key("enter", 5)
        me.shot("session")
        me.key("esc")
        me.key("4", 3)
        me.key("5", 3)
        me.key("z", 4)
        me.shot("journal")
        me.key("esc")
        me.key("q", 2)
        me.see(PROMPT)
    with me.phase("the other commands of the README", "hotspare pool, session, journal"):
        me.run("clear; hotspare pool show main", then=4)
        me.run("clear; hotspare pool takeover main --failed studio-1 --dry-run", then=5)
        me.run("clear; hotspare session list", then=4)
        me.run("hotspare session sync --from 20250101", 120, then=3)
        me.run("hotspare session list", then=4)
        me.shot("sessions")
        me.run("clear; hotspare journal | tail -15", then=4)


def unplug(me):
    """A machine without its cable, while the pool only observes."""
    me.run("cd site && clear")
    me.type("hotspare")
    me.enter()
    me.see("all well", 60)
    me.key("2", 3)
    subprocess.run([MACHINE, "unplug", "studio-1"], check=True)
    with me.phase("a cable is pulled; until the console says down", ""):
        me.see("studio-1 +down", 60)
    with me.phase("and what would have been done", "w"):
        me.see("would have been done", 60)
        me.read(3)
        me.shot("down")
        me.key("w", 8)
        me.shot("why")
        me.key("esc")
    subprocess.run([MACHINE, "plug", "studio-1"], check=True)
    with me.phase("the cable is back; until all is well", ""):
        me.see("all well", 180)
    me.read(4)
    me.shot("back")
    me.key("q", 2)
    me.see(PROMPT)


def stop(me):
    """The end."""
    me.run("cd site && clear")
    me.run("hotspare journal | tail -8", then=4)
    with me.phase("the end", "hotspare engine stop"):
        me.run("hotspare engine stop", then=3)
    me.run("hotspare engine status", then=3)


def picture(me):
    """The moving picture of the README: a demo that is installed, without a machine of its own."""
    me.see("press 2", 60)
    me.read(1)
    me.key("2", 3)
    me.see("studio-spare +standing in", 60)
    me.read(2.5)
    me.key("enter", 4.5)
    me.key("esc", 0.5)
    me.key("4", 1)
    me.see("✓ .*✓ +✓", 60)
    me.read(3)
    me.key("enter", 4)
    me.key("esc", 1.5)
    with contextlib.suppress(pexpect.EOF):
        me.key("q", 3)


PARTS = {part.__name__.removesuffix("_it"): part for part in (try_it, again, install, init, mend, look, unplug, stop)}


def join(folder, target):
    """One recording of all parts, one second between two, and a table of the times."""
    folder, at, out, rows = pathlib.Path(folder), 0.0, [], []
    head = None
    for part in PARTS:
        header, *events = (folder / f"{part}.cast").read_text().splitlines()
        head = head or json.loads(header)
        out.append(json.dumps([round(at, 3), "m", part]))
        out.append(json.dumps([round(at, 3), "o", "\x1b[2J\x1b[H"]))
        last = 0.0
        for event in map(json.loads, events):
            last = event[0]
            out.append(json.dumps([round(at + last, 3), *event[1:]], ensure_ascii=False))
        at += last + 1
        rows += json.loads((folder / f"{part}.json").read_text())
    head["env"] = {"TERM": "xterm-256color", "SHELL": "/bin/bash"}
    head["title"] = "hotspare: the first hour"
    head.pop("command", None)
    pathlib.Path(target).write_text("\n".join([json.dumps(head), *out]) + "\n")
    for row in rows:
        print(f"| {row['phase']} | `{row['typed']}` | {row['seconds']:.1f} s |")
    print(f"| all | | {at / 60:.1f} min |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["join", folder, target]:
            join(folder, target)
        case [part, folder] if part in PARTS:
            me = Person(part, folder)
            me.see(PROMPT, 20)
            PARTS[part](me)
            me.leave()
        case ["picture", folder]:
            picture(Person("picture", folder, ("hotspare", "demo")))
        case _:
            raise SystemExit(__doc__)

"""Measures programs in a pseudo-terminal of 80x24: first paint, key to first byte, idle traffic, exit.

Called by benchmark-terminal. Every number is measured here; a measure without a number says why.
"""

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

# The arrow keys in the mode that ncurses asks for; htop has no j and k.
DOWN, UP = b"\x1bOB", b"\x1bOA"
TICK = os.sysconf("SC_CLK_TCK")


class Terminal:
    """A program as leader of a session on a terminal of its own."""

    def __init__(self, command, folder, variables):
        self.start = time.monotonic()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.chdir(folder)
            os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color", **variables})

    def read(self, seconds):
        """What comes within a time; empty when nothing does."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return b""
        try:
            return os.read(self.master, 1 << 16)
        except OSError:
            return b""

    def settle(self, quiet=0.3, limit=10.0):
        """Reads until nothing comes for a time; returns what came."""
        seen, end = b"", time.monotonic() + limit
        while time.monotonic() < end:
            piece = self.read(quiet)
            if not piece:
                break
            seen += piece
        return seen

    def first_paint(self, marker):
        """Milliseconds from exec until the screen holds a text."""
        seen = b""
        while marker not in seen:
            if time.monotonic() - self.start > 30:
                return None
            seen += self.read(1)
        return (time.monotonic() - self.start) * 1000

    def key(self, text):
        """Milliseconds from a key to its first byte, and the bytes that it made; None when nothing came."""
        sent = time.monotonic()
        os.write(self.master, text)
        first = self.read(2)
        if not first:
            return None
        delay = (time.monotonic() - sent) * 1000
        return delay, len(first + self.settle(0.03, 0.3))

    def ticks(self):
        """Processor seconds used so far."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def status(self, name):
        """The sum of a number of /proc/PID/task/*/status."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/status") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith(name))
        return total

    def memory(self):
        """Resident mebibytes."""
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))

    def leave(self, key):
        """Milliseconds from a key until the program is gone."""
        sent = time.monotonic()
        os.write(self.master, key)
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            self.read(0.001)
            if time.monotonic() - sent > 10:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                return None
        elapsed = (time.monotonic() - sent) * 1000
        os.close(self.master)
        return elapsed


def measure(command, marker, folder, variables, seconds, keys):
    """The numbers of one program, by name; None for what did not come."""
    found = {}
    paints = []
    for _ in range(5):
        terminal = Terminal(command, folder, variables)
        paints.append(terminal.first_paint(marker))
        terminal.settle()
        found["exit to whole ms"] = terminal.leave(b"q")
    paints = [paint for paint in paints if paint is not None]
    found["first paint ms"] = statistics.median(paints) if paints else None
    terminal = Terminal(command, folder, variables)
    terminal.first_paint(marker)
    terminal.settle(0.5, 5)
    answers = [answer for n in range(keys) if (answer := terminal.key(DOWN if n % 4 < 2 else UP))]
    found["keys answered"] = len(answers)
    if answers:
        delays = sorted(answer[0] for answer in answers)
        found["key median ms"] = statistics.median(delays)
        found["key p99 ms"] = delays[min(len(delays) - 1, int(len(delays) * 0.99))]
        found["bytes a cursor move"] = statistics.median(answer[1] for answer in answers)
    before, sleeps, start, count = terminal.ticks(), terminal.status("voluntary_ctxt"), time.monotonic(), 0
    while (left := start + seconds - time.monotonic()) > 0:
        count += len(terminal.read(left))
    found["idle wake-ups/s"] = (terminal.status("voluntary_ctxt") - sleeps) / seconds
    found["idle B/s"] = count / seconds
    found["idle CPU %"] = (terminal.ticks() - before) / seconds * 100
    found["resident MiB"] = terminal.memory()
    terminal.leave(b"q")
    return found


REACH = {
    "first paint ms": 60, "key p99 ms": 16, "bytes a cursor move": 200, "idle wake-ups/s": 1, "idle B/s": 400,
    "idle CPU %": 0.1, "resident MiB": 40, "exit to whole ms": 50,
}


def workspace(root, cohorts):
    """A workspace with so many cohorts, none of which runs by itself during the measuring."""
    os.makedirs(f"{root}/cohorts")
    with open(f"{root}/rollcall.yaml", "w") as file:
        file.write("version: 1\nsources:\n  lists: {kind: csv, directory: cohorts}\ndestinations:\n"
                   "  file: {kind: ndjson, path: out.ndjson}\ncohorts:\n")
        for n in range(cohorts):
            file.write(f"  cohort-{n:02}: {{name: Cohort {n}, id: c{n}, source: lists, file: c{n}.csv, "
                       f"to: [file], schedule: every {n + 2}h}}\n")
            with open(f"{root}/cohorts/c{n}.csv", "w") as members:
                members.writelines(f"u-{m}\n" for m in range(100))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--keys", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        workspace(f"{root}/w", 15)
        subprocess.run(["git", "init", "-q", f"{root}/g"], check=True)
        for n in range(30):
            subprocess.run(["git", "-C", f"{root}/g", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q",
                            "--allow-empty", "-m", f"change {n}"], check=True)
        variables = {"ROLLCALL_WORKSPACE": f"{root}/w", "HOME": root, "LANG": "C.UTF-8"}
        with open(f"{root}/serve.log", "w") as log:
            engine = subprocess.Popen([options.binary, "serve"], env={**os.environ, **variables}, stderr=log, stdout=log)
        try:
            end = time.monotonic() + 60
            while not os.path.exists(f"{root}/w/.rollcall/control.sock"):
                if engine.poll() is not None or time.monotonic() > end:
                    sys.exit("the engine does not serve: " + open(f"{root}/serve.log").read())
                time.sleep(0.05)
            programs = {
                "rollcall": ([options.binary, "dashboard"], b"cohort-00"),
                "htop": (["htop"], b"Load average"),
                "tig": (["tig"], b"change 29"),
            }
            found = {}
            for name, (command, marker) in programs.items():
                found[name] = measure(command, marker, f"{root}/g", variables, options.seconds, options.keys)
        finally:
            engine.terminate()
            engine.wait()
    report(found)


def report(found):
    """Prints the table; a figure that is missing or above its reach is missed."""
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| measure | reach | rollcall | htop | tig | x htop | x tig | |\n|---|---|---|---|---|---|---|---|")
    missed = 0
    for name in found["rollcall"]:
        ours, others = found["rollcall"][name], [found[other].get(name) for other in ("htop", "tig")]
        cells = ["-" if value is None else f"{value:.1f}" for value in [ours, *others]]
        ratios = [f"{ours / other:.2f}" if ours is not None and other else "-" for other in others]
        verdict = ""
        if name in REACH:
            verdict = "pass" if ours is not None and ours <= REACH[name] else "MISSED"
            missed += verdict == "MISSED"
        print("| " + " | ".join([name, str(REACH.get(name, "")), *cells, *ratios, verdict]) + " |")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

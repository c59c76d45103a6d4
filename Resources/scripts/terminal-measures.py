"""Measures programs in a pseudo-terminal of 80x24: first paint, key to first byte, idle traffic, exit.

Called by benchmark-terminal. Then the dashboard alone, while an engine sends 10,000 members a second. Every number is measured
here.
"""

import argparse
import fcntl
import multiprocessing
import os
import pty
import re
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

# The arrow keys in the mode that ncurses asks for; htop has no j and k.
# Control sequences, also one of which the end has not come yet.
CONTROL = re.compile(rb"\x1b\[[0-9;:?>!]*[ -/]*[@-~]?|\x1b\][^\x07\x1b]*(\x07|\x1b\\)?|\x1b[ -/]+[0-~]?|\x1b[0-~]?")
DOWN, UP = b"\x1bOB", b"\x1bOA"
TICK = os.sysconf("SC_CLK_TCK")


class Terminal:
    """A program as leader of a session on a terminal of its own."""

    def __init__(self, command, folder, variables):
        self.start, self.seen = time.monotonic(), b""
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

    def until(self, holds):
        """Milliseconds from exec until what was seen satisfies `holds`."""
        while not holds(self.seen):
            if time.monotonic() - self.start > 30:
                return None
            self.seen += self.read(1)
        return (time.monotonic() - self.start) * 1000

    def first_byte(self):
        return self.until(lambda seen: len(seen) > 0)

    def first_paint(self):
        """Milliseconds from exec until a visible character: to change and clear the screen paints nothing."""
        return self.until(lambda seen: CONTROL.sub(b"", seen).strip(b" \r\n\t\x0f\x0e") != b"")

    def first_text(self, marker):
        return self.until(lambda seen: marker in seen)

    def painted(self):
        """Milliseconds from exec until the last byte before 300 ms of silence."""
        last = time.monotonic()
        while self.read(0.3):
            last = time.monotonic()
        return (last - self.start) * 1000

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

    def wakeups(self):
        """Voluntary context switches so far: of all threads, and of the one that owns the terminal."""
        every = own = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/status") as file:
                lines = file.read().splitlines()
            count = next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))
            every += count
            if lines[0].split(None, 1)[1] in ("terminal", "htop", "tig"):
                own += count
        return every, own

    def memory(self):
        """Resident mebibytes."""
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))

    def visible(self, key, marker, undo):
        """Milliseconds from a key until a text of its effect is on the way; then another key takes it back."""
        sent, seen = time.monotonic(), b""
        os.write(self.master, key)
        while marker not in seen and time.monotonic() < sent + 5:
            seen = seen[-4096:] + self.read(0.1)
        delay = (time.monotonic() - sent) * 1000
        os.write(self.master, undo)
        self.settle(0.2, 0.2)
        return delay

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
    byte, first, data, whole, exits = [], [], [], [], []
    for _ in range(11):
        # What the program is about may come later than the first thing that it paints.
        terminal = Terminal(command, folder, variables)
        byte.append(terminal.first_byte())
        first.append(terminal.first_paint())
        data.append(terminal.first_text(marker))
        whole.append(terminal.painted())
        exits.append(terminal.leave(b"q"))
    found["first byte ms"] = statistics.median(byte)
    found["first paint ms"] = statistics.median(first)
    found["first data ms"] = statistics.median(data)
    found["all painted ms"] = statistics.median(whole)
    found["exit to whole ms"] = statistics.median(exits)
    terminal = Terminal(command, folder, variables)
    terminal.first_text(marker)
    terminal.settle(0.5, 5)
    answers = [answer for n in range(keys) if (answer := terminal.key(DOWN if n % 4 < 2 else UP))]
    found["keys answered"] = len(answers)
    if answers:
        delays = sorted(answer[0] for answer in answers)
        found["key median ms"] = statistics.median(delays)
        found["key p99 ms"] = delays[min(len(delays) - 1, int(len(delays) * 0.99))]
        found["bytes a cursor move"] = statistics.median(answer[1] for answer in answers)
    before, sleeps, start, count = terminal.ticks(), terminal.wakeups(), time.monotonic(), 0
    while (left := start + seconds - time.monotonic()) > 0:
        count += len(terminal.read(left))
    every, own = (after - earlier for after, earlier in zip(terminal.wakeups(), sleeps))
    found["idle wake-ups/s, interface"] = own / seconds
    found["idle wake-ups/s, all threads"] = every / seconds
    found["idle B/s"] = count / seconds
    found["idle CPU %"] = (terminal.ticks() - before) / seconds * 100
    found["resident MiB"] = terminal.memory()
    terminal.leave(b"q")
    return found


def flood(binary, root, seconds):
    """The numbers of a dashboard that shows events while 10,000 come a second."""
    port = multiprocessing.Value("i", 0)
    sink = multiprocessing.Process(target=accept_everything, args=(port,), daemon=True)
    sink.start()
    while port.value == 0:
        time.sleep(0.01)
    os.makedirs(f"{root}/f")
    with open(f"{root}/f/key", "w") as file:
        file.write("benchmark")
    os.chmod(f"{root}/f/key", 0o600)
    with open(f"{root}/f/rollcall.yaml", "w") as file:
        file.write("version: 1\nsources:\n  numbers: {kind: command}\n"
                   f"destinations:\n  sink: {{kind: segment, endpoint: 'http://127.0.0.1:{port.value}/v1', "
                   "write_key: {file: key}, rate: 10000/s}\n"
                   f"cohorts:\n  flood: {{source: numbers, command: [seq, '{10000 * (seconds + 60)}'], to: [sink], "
                   "guards: off}\n")
    variables = {"ROLLCALL_WORKSPACE": f"{root}/f", "HOME": root, "LANG": "C.UTF-8"}
    found = {}
    with serving(binary, f"{root}/f", variables) as engine:
        sync = subprocess.Popen([binary, "sync", "flood", "--json"], env={**os.environ, **variables},
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        terminal = Terminal([binary, "dashboard"], root, variables)
        terminal.first_text(b"flood")
        os.write(terminal.master, b"5")
        while b"accepted" not in terminal.settle(1, 1):
            pass
        terminal.settle(5, 5)
        ticks, start, count, memory = terminal.ticks(), time.monotonic(), 0, terminal.memory()
        engine_ticks = Terminal.ticks(engine)
        while (left := start + seconds - time.monotonic()) > 0:
            count += len(terminal.read(left))
        found["flood CPU %"] = (terminal.ticks() - ticks) / seconds * 100
        found["flood CPU % of the engine"] = (Terminal.ticks(engine) - engine_ticks) / seconds * 100
        found["flood B/s"] = count / seconds
        found["flood MiB more at the end"] = terminal.memory() - memory
        delays = sorted(terminal.visible(b"?", b"Help", b"?") for _ in range(50))
        found["flood key p99 ms, until seen"] = delays[-1]
        found["flood MiB"] = terminal.memory()
        terminal.leave(b"q")
        sync.terminate()
        sync.wait()
    return found


def accept_everything(port):
    """A destination that takes what comes."""
    def serve(connection):
        stream = connection.makefile("rb", 1 << 20)
        while line := stream.readline():
            length = 0
            while line not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                line = stream.readline()
            stream.read(length)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"success\":true}")

    listener = socket.create_server(("127.0.0.1", 0))
    port.value = listener.getsockname()[1]
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


class serving:
    """An engine that serves a workspace while the block runs."""

    def __init__(self, binary, folder, variables):
        self.folder, self.log = folder, open(f"{folder}.log", "w")
        self.process = subprocess.Popen(
            [binary, "serve"], env={**os.environ, **variables}, stderr=self.log, stdout=self.log)
        self.pid = self.process.pid

    def __enter__(self):
        end = time.monotonic() + 60
        while not os.path.exists(f"{self.folder}/.rollcall/control.sock"):
            if self.process.poll() is not None or time.monotonic() > end:
                sys.exit("the engine does not serve: " + open(f"{self.folder}.log").read())
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


REACH = {
    "first paint ms": 60, "first data ms": 150, "all painted ms": 60, "key p99 ms": 16, "bytes a cursor move": 200,
    "idle wake-ups/s, interface": 1, "idle B/s": 400,
    "idle CPU %": 0.1, "resident MiB": 40, "exit to whole ms": 50, "flood CPU %": 3, "flood key p99 ms, until seen": 16,
    "flood MiB more at the end": 4,
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
    parser.add_argument("--flood", type=int, default=20, help="seconds")
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    with tempfile.TemporaryDirectory() as root:
        workspace(f"{root}/w", 15)
        subprocess.run(["git", "init", "-q", f"{root}/g"], check=True)
        for n in range(30):
            subprocess.run(["git", "-C", f"{root}/g", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q",
                            "--allow-empty", "-m", f"change {n}"], check=True)
        variables = {"ROLLCALL_WORKSPACE": f"{root}/w", "HOME": root, "LANG": "C.UTF-8"}
        programs = {
            "rollcall": ([options.binary, "dashboard"], b"cohort-00"),
            "htop": (["htop"], b"Load average"),
            "tig": (["tig"], b"change 29"),
        }
        found = {}
        with serving(options.binary, f"{root}/w", variables):
            for name, (command, marker) in programs.items():
                found[name] = measure(command, marker, f"{root}/g", variables, options.seconds, options.keys)
        if options.flood > 0:
            found["rollcall"].update(flood(options.binary, root, options.flood))
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

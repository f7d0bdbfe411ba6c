"""What shells keep of the commands typed into them."""

import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .world import Host, text_or_hex, write_expected

COMMANDS = [b"id", b"curl -s http://203.0.113.9/x.sh -o /tmp/x", b"echo 'two\nlines'", b"ls -la /nowhere", b"echo Gr\xc3\xbc\xc3\x9fe", b"echo \xff\xfe latin1 \xe4",
            b": 1700000000:0;forged", b"#1700000000", b"echo 'a\\\\b' \\\nand more", b"for i in 1 2; do\n  echo $i\ndone", b"ssh -i /tmp/k deploy@198.51.100.23 true || true", b"echo last", b"exit"]
ZSH = ["script", "-q", "-e", "-c", "stty -echo; exec zsh -i -o noZLE", "/dev/null"]
ZSHRC = "HISTFILE=/root/h SAVEHIST=100 HISTSIZE=100; setopt INTERACTIVE_COMMENTS {}\n"
BASH = ["bash", "--norc", "--noediting", "-i"]
BASH_SETUP = "HISTFILE=/root/h; HISTCONTROL=; set -o history; "
SHELLS = {
    "bash-timestamps": (BASH, BASH_SETUP + "HISTTIMEFORMAT='%F %T '", None),
    "bash-plain": (BASH, BASH_SETUP + "unset HISTTIMEFORMAT", None),
    "bash-multiline": (BASH, BASH_SETUP + "shopt -s cmdhist lithist; HISTTIMEFORMAT='%F %T '", None),
    "zsh-extended": (ZSH, None, ZSHRC.format("EXTENDED_HISTORY")),
    "zsh-plain": (ZSH, None, ZSHRC.format("")),
}
ENV = {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8", "PS1": ""}


def type_into(shell, commands):
    """Types the commands one after another; gives what was typed and when."""
    truth = []
    for command in commands:
        truth.append({**text_or_hex("command", command), "typed": round(time.time(), 3)})
        shell.stdin.write(command + b"\n")
        shell.stdin.flush()
        time.sleep(0.4)
    return truth


# fish edits on a terminal only, takes no bytes that are not UTF-8, and ends loops in its own way. Outside of a namespace nothing is to be connected to.
FISH_COMMANDS = [command for command in COMMANDS if b"\xff" not in command and not command.startswith((b"#", b"for", b"curl", b"ssh"))]
FISH_COMMANDS[-1:-1] = [b"- cmd: forged", b"for i in 1 2\n  echo $i\nend"]
FISH_HISTORY = ".local/share/fish/fish_history"


def record_fish_here(out):
    """fish of this machine, for itself: a tree with it takes minutes to make."""
    with tempfile.TemporaryDirectory() as home:
        # Where this folder is, fish makes no completions out of all manual pages.
        (Path(home) / ".local/share/fish/generated_completions").mkdir(parents=True)
        shell, terminal = pty.fork()
        if shell == 0:
            os.execvpe("fish", ["fish", "-i"], {**ENV, "HOME": home})
        wait_for(terminal, 3)
        truth = []
        for command in FISH_COMMANDS:
            truth.append({**text_or_hex("command", command), "typed": round(time.time(), 3)})
            os.write(terminal, command + b"\r")
            wait_for(terminal, 0.5)
        os.waitpid(shell, 0)
        shutil.copyfile(Path(home) / FISH_HISTORY, out / "fish.history")
    version = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "fish"], capture_output=True, text=True, check=True).stdout
    write_expected(out / "fish.expected.jsonl", [{"kind": "recording", "fish": version}, *truth])


def wait_for(terminal, seconds):
    """Takes what is printed for so long."""
    end = time.time() + seconds
    while time.time() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                os.read(terminal, 1 << 16)
            except OSError:
                return  # The shell has left its terminal.


def record(trees, out, outside):
    dest = out / "history"
    dest.mkdir(parents=True, exist_ok=True)
    for name, (argv, setup, zshrc) in SHELLS.items():
        with Host(trees, "bookworm") as host:
            if zshrc:
                host.write("/root/.zshrc", zshrc)
            shell = host.start(*argv, stdin=subprocess.PIPE, env=ENV, cwd="/")
            time.sleep(0.5)
            package = name.split("-")[0]
            truth = type_into(shell, ([setup.encode()] if setup else []) + COMMANDS)
            shell.stdin.close()
            shell.wait(20)
            host.running.remove(shell)
            shutil.copyfile(host.path("/root/h"), dest / f"{name}.history")
            write_expected(dest / f"{name}.expected.jsonl", [{"kind": "recording", package: host.version(package)}, *truth])


if __name__ == "__main__":
    record_fish_here(Path(sys.argv[1]).resolve())

"""Processor time and memory of processes. Needs Linux."""

import time
from pathlib import Path

PROC = Path("/proc")


def children(parent):
    """The processes that this process started and that still run."""
    found = []
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue
        # The name in brackets may contain spaces. The state and the parent follow it.
        if int(stat.rpartition(")")[2].split()[1]) == parent:
            found.append(int(folder.name))
    return found


def tree(pid):
    """A process and everything below it."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def processor(pids):
    """The seconds of processor time that these processes have used so far, also in threads that have ended."""
    # The processor clock of another process. `/proc/PID/stat` has the same time, rounded to a hundredth of a second.
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


def peak(pid):
    """The most memory that a process ever had, in bytes."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def program(pid):
    """The file that a process runs; `None` if it has ended."""
    try:
        return (PROC / str(pid) / "exe").readlink()
    except OSError:
        return None


def machine():
    """The machine in one line: processor, number of cores, memory, and kernel."""
    model = next(
        (line.partition(":")[2].strip() for line in (PROC / "cpuinfo").read_text().splitlines() if line.startswith("model name")),
        "unknown processor",
    )
    cores = len([line for line in (PROC / "cpuinfo").read_text().splitlines() if line.startswith("processor")])
    memory = int((PROC / "meminfo").read_text().split()[1]) / 1e6
    kernel = (PROC / "sys/kernel/osrelease").read_text().strip().partition("-")[0]
    return f"{model}, {cores} cores, {memory:.0f} GB, Linux {kernel}"

"""Attempts to break out of the sandbox, or to wear the machine down: ESCAPED where one works."""

from __future__ import annotations

from dataclasses import dataclass


def perl(number: int, *arguments: str) -> str:
    """Make a system call; ESCAPED if the kernel lets it through."""
    given = ", ".join(("0+" + a) if a.lstrip("-").isdigit() else a for a in arguments)
    comma = ", " if given else ""
    return (
        f"perl -e '$r = syscall({number}{comma}{given}); print $r == -1 ? qq(no $!) : q(ESCAPED)'"
    )


@dataclass(frozen=True)
class Attempt:
    name: str
    command: str
    seconds: float = 5.0


WORKED = "&& echo ESCAPED"
ATTEMPTS = [
    # -- writing outside
    Attempt("write to programs", f"echo x > /usr/bin/pwned {WORKED}"),
    Attempt("replace the shell", f"cp /bin/true /bin/bash {WORKED}"),
    Attempt("remount writable", f"mount -o remount,rw /usr {WORKED}"),
    Attempt("write in a host folder", "mkdir -p $HOST; echo pwned > $HOST/file"),
    Attempt("write through another root", f"echo x > /proc/1/root$HOST/file {WORKED}"),
    Attempt("write through a climbing path", f"echo x > /../../..$HOST/file {WORKED}"),
    Attempt("delete everything", "rm -rf --no-preserve-root / 2>/dev/null"),
    Attempt("make everything unreadable", "chmod -R 000 / 2>/dev/null"),
    Attempt("own everything", f"chown -R 12345 /usr 2>/dev/null {WORKED}"),
    # -- reading outside
    Attempt("read by path", "cat $HOST/secret"),
    Attempt("read through another root", "cat /proc/1/root$HOST/secret /proc/*/cwd$HOST/secret"),
    Attempt("read environments", "cat /proc/*/environ | tr '\\0' '\\n' | grep LEAP_SECRET"),
    Attempt("read command lines", "cat /proc/*/cmdline | grep -a 'victim-of-the[-]test'"),
    Attempt("find open files", f"ls -l /proc/self/fd > /fds; grep -E ' [4-9] ->' /fds {WORKED}"),
    Attempt("read what is left of sockets", f"ls -l /proc/self/fd | grep socket {WORKED}"),
    Attempt("read the host's users", f"grep -i -E 'postgres|mysql|sshd' /etc/passwd {WORKED}"),
    Attempt("read passwords", f"cat /etc/shadow {WORKED}"),
    Attempt("read local programs", f"ls /usr/local | grep . {WORKED}"),
    Attempt("read memory", f"head -c 1 /proc/kcore | grep -c . | grep 1 {WORKED}"),
    Attempt("read the kernel log", f"dmesg 2>/dev/null | grep . {WORKED}"),
    Attempt("disk devices", f"ls /dev/sd* /dev/vd* /dev/nvme* /dev/mem 2>/dev/null {WORKED}"),
    # -- the network
    Attempt("connect to the host", f"(echo > /dev/tcp/127.0.0.1/$PORT) {WORKED}"),
    Attempt("connect to the world", f"(echo > /dev/tcp/1.1.1.1/53) {WORKED}", 3.0),
    Attempt("ask a name server", f"getent hosts example.com {WORKED}", 3.0),
    Attempt("abstract socket", "perl -MSocket -e 'socket(S,AF_UNIX,SOCK_STREAM,0);"
            " print q(ESCAPED) if connect(S, pack(q(S a*), 1, qq(\\0) . $ENV{ABSTRACT}))'"),
    Attempt("raw packets", "perl -MSocket -e 'print q(ESCAPED) if socket(S,17,SOCK_RAW,768)'"),
    Attempt("new interfaces", f"ip link add d0 type dummy {WORKED}"),
    # -- other processes
    Attempt("kill a foreign process", f"kill -9 $VICTIM {WORKED}"),
    Attempt("kill all", "kill -9 -1"),
    Attempt("kill the first process", "kill -9 1; kill -TERM 1; kill -HUP 1; kill -INT 1"),
    Attempt("stop the first process", "kill -STOP 1; kill -TSTP 1"),
    Attempt("kill the parent", f"[ $PPID != 0 ] && kill -9 $PPID {WORKED}"),
    Attempt("write another's memory", f"echo x > /proc/1/mem {WORKED}"),
    Attempt("spare oneself from the OOM killer", f"echo -1000 > /proc/self/oom_score_adj {WORKED}"),
    Attempt("feed the first process", "echo 'touch /tmp/x; kill -9 -1' > /proc/1/fd/0; sleep 0.2"),
    Attempt("trace", perl(101, "16", "1", "0", "0")),
    Attempt("read another's memory", perl(310, "1", "0", "0", "0", "0", "0")),
    # -- privileges
    Attempt("setuid program", "cp /bin/bash /sb; chmod 6755 /sb; /sb -p -c 'cat /proc/self/status'"
            " | grep CapEff | grep -v 000000000000003b && echo ESCAPED"),
    Attempt("become another user", f"su nobody -s /bin/sh -c id {WORKED}"),
    Attempt("setuid call", "perl -e '$> = 65431; print $> == 65431 ? q(ESCAPED) : q(no)'"),
    Attempt("sudo", f"sudo -n true {WORKED}"),
    Attempt("block device", f"mknod /disk b 8 0 {WORKED}"),
    Attempt("character device", f"mknod /memory c 1 1 {WORKED}"),
    Attempt("file capabilities", f"setcap cap_sys_admin+ep /area/run.sh {WORKED}"),
    Attempt("raise limits", f"ulimit -u 100000 {WORKED}"),
    Attempt("chroot", f"chroot / /bin/true {WORKED}"),
    # -- namespaces and mounts
    Attempt("user namespace", f"unshare -Ur true {WORKED}"),
    Attempt("mount namespace", f"unshare -m true {WORKED}"),
    Attempt("another's namespace", f"nsenter -t 1 -m -u -i -n true {WORKED}"),
    Attempt("mount tmpfs", f"mount -t tmpfs none /area {WORKED}"),
    Attempt("mount proc", f"mount -t proc none /area {WORKED}"),
    Attempt("mount cgroups", f"mount -t cgroup none /area {WORKED}"),
    Attempt("bind", f"mount --bind /usr /area {WORKED}"),
    Attempt("uncover", f"umount -l /usr/local {WORKED}"),
    Attempt("uncover /proc", f"umount -l /proc/sys {WORKED}"),
    Attempt("unshare call", perl(272, "268435456")),
    Attempt("clone call", perl(56, "268435473", "0", "0", "0", "0")),
    Attempt("clone3 call", perl(435, "0", "0")),
    Attempt("setns call", perl(308, "0", "0")),
    Attempt("call by the x32 numbers", perl(0x40000000 + 272, "268435456")),
    # -- the kernel
    Attempt("core pattern", f"echo '|/bin/true' > /proc/sys/kernel/core_pattern {WORKED}"),
    Attempt("allow namespaces again", f"echo 9 > /proc/sys/user/max_user_namespaces {WORKED}"),
    Attempt("host name", f"hostname pwned {WORKED}"),
    Attempt("clock", f"date -s '2001-01-01' {WORKED}"),
    Attempt("load a module", f"modprobe dummy {WORKED}"),
    Attempt("bpf", perl(321, "0", "0", "0")),
    Attempt("keys", perl(250, "0", "-3", "0")),
    Attempt("io_uring", perl(425, "1", "0")),
    Attempt("userfaultfd", perl(323, "0")),
    Attempt("performance counters", perl(298, "0", "0", "-1", "-1", "0")),
    Attempt("reboot", perl(169, "0", "0", "0", "0")),
    Attempt("file handles", perl(304, "0", "0", "0")),
    # -- wearing the machine down
    Attempt("fork bomb", ":(){ :|:& };: 2>/dev/null; sleep 1", 3.0),
    Attempt("daemons", "for i in 1 2 3; do setsid nohup sleep 1000 >/dev/null 2>&1 & done"),
    Attempt("double forks", "perl -e 'for (1..9) { fork or do { fork and exit; sleep 999 } }'"),
    Attempt("one greedy process", "perl -e '$x = q(a) x 3e9; print q(ESCAPED)'", 8.0),
    Attempt("many greedy processes",
            "for i in 1 2 3 4 5 6; do perl -e '$x = q(a) x 1e8; sleep 9' & done; wait", 8.0),
    Attempt("a large file", f"head -c 20M /dev/zero > /big {WORKED}"),
    Attempt("many files of data", f"for i in 1 2 3 4 5 6 7; do head -c 7M /dev/zero > /f$i || exit;"
            f" done; true {WORKED}"),
    Attempt("many empty files", f"mkdir /many; cd /many; touch $(seq 5000) {WORKED}"),
    Attempt("shared memory", f"head -c 7M /dev/zero > /dev/shm/x {WORKED}"),
    Attempt("endless output", "yes", 1.0),
    Attempt("endless silence", "while :; do :; done", 1.0),
    Attempt("ignored signals", "trap '' TERM INT HUP; while :; do sleep 1; done", 1.0),
    Attempt("a deep folder", "d=/deep; for i in $(seq 300); do d=$d/a; done; mkdir -p $d"),
    Attempt("stop all, again and again", "while :; do kill -STOP -1; done", 1.0),
    Attempt("stop what is started next",
            "(perl -e 'while (1) { kill q(STOP), -1 }' > /dev/null 2>&1 &)", 1.0),
    Attempt("memory files", perl(319, "qq(x)", "0")),
    Attempt("a System V segment", perl(29, "0", "100000000", "896")),
    Attempt("a message queue", perl(68, "0", "896")),
    Attempt("a POSIX queue", perl(240, "qq(/q)", "66", "384", "0")),
    Attempt("memory after the command",
            "(sleep 0.3; for i in 1 2 3 4 5 6; do perl -e '$x = q(a) x 1e8; sleep 9' & "
            "done; wait) > /dev/null 2>&1 & sleep 0.1"),
    Attempt("spare oneself a little", f"echo 0 > /proc/self/oom_score_adj {WORKED}"),
    Attempt("spare another", f"echo 0 > /proc/1/oom_score_adj {WORKED}"),
    Attempt("thousands of sparse files",
            "mkdir /sp; cd /sp; perl -e 'for (1..1500) { open F, q(>), $_; truncate F, "
            "8e6; close F }'"),
    Attempt("a folder deeper than a path",
            "perl -e 'for (1..1200) { mkdir q(dddddd); chdir q(dddddd) or last }'"),
    Attempt("an endless folder",
            "mkdir /e; cd /e; (perl -e 'for ($i = 0; ; $i++) { open F, q(>), $i % 500; "
            "rename $i % 500, q(x) . $i % 9 }' > /dev/null 2>&1 &)", 2.0),
    Attempt("huge attributes",
            "perl -e '$v = q(x) x 60000; $r = syscall(188, qq(/area/a.txt\\0), "
            "qq(user.a\\0), $v, 60000, 0); print $r == -1 ? q(no) : q(ESCAPED)'"),
    Attempt("how the machine was started", f"grep -a . /proc/cmdline {WORKED}"),
    Attempt("symbols of the kernel", f"grep -a . /proc/kallsyms | head -1 | grep . {WORKED}"),
    Attempt("memory map of the machine", f"cat /proc/iomem /proc/ioports | grep . {WORKED}"),
    # -- two dozen more
    Attempt("a shared mapping kept by one page", perl(9, "0", "200000000", "3", "33", "-1", "0")),
    Attempt("a mapping of endless zeros",
            "perl -e 'open Z, q(+<), q(/dev/zero); $r = syscall(9, 0, 0 + 1e8, 3, 1, "
            "fileno(Z), 0); print $r == -1 ? q(no) : q(ESCAPED)'"),
    Attempt("memory in sockets",
            "perl -MSocket -e '$d = q(x) x 65536; for (1..900) { socketpair($a[$_], "
            "$b[$_], AF_UNIX, SOCK_DGRAM, 0) or last; send($a[$_], $d, 64) for 1..9 } "
            "sleep 9'"),
    Attempt("memory in pipes",
            "perl -e 'fork; fork; fork; fork; for (1..450) { pipe($a[$_], $b[$_]) or last; "
            "syswrite $b[$_], q(x) x 60000 } sleep 9'"),
    Attempt("larger pipes",
            "perl -e 'pipe A, B; print fcntl(B, 1031, 1048576) ? q(ESCAPED) : q(no)'"),
    Attempt("pages lent to a pipe", perl(278, "1", "qq(x) x 16", "1", "0")),
    Attempt("asynchronous input", perl(206, "9999", "$x = qq(\\0) x 8")),
    Attempt("secret memory", perl(447, "0")),
    Attempt("raw frames", "perl -MSocket -e 'print q(ESCAPED) if socket(S, 17, SOCK_DGRAM, 768)'"),
    Attempt("the kernel's ciphers",
            "perl -MSocket -e 'print q(ESCAPED) if socket(S, 38, SOCK_SEQPACKET, 0)'"),
    Attempt("another machine's sockets", "perl -e 'print q(ESCAPED) if socket(S, 40, 1, 0)'"),
    Attempt("become a user that files may have",
            "chown 1000 /area/a.txt 2> /dev/null; perl -e '$< = $> = 1000; print $> ? "
            "q(ESCAPED) : q(no)'"),
    Attempt("a program of another group",
            "cp /bin/bash /sg; chgrp 77 /sg 2> /dev/null; chmod 2755 /sg; /sg -p -c 'id "
            "-g' | grep -v '^0$' && echo ESCAPED"),
    Attempt("settings of the kernel", f"echo 1 > /proc/sys/vm/drop_caches {WORKED}"),
    Attempt("settings of the box's own namespaces",
            f"echo 1 > /proc/sys/net/ipv4/ip_forward {WORKED}"),
    Attempt("flush every disk", "time (for i in $(seq 50); do sync; done) 2>&1 | grep -c ESC"),
    Attempt("time namespace by clone", perl(56, "145", "0", "0", "0", "0")),
    Attempt("landing in another's memory",
            f"(echo x > /proc/1/mem; echo x > /proc/$PPID/mem) {WORKED}"),
    Attempt("a repository that is a trap",
            "mkdir -p /area/t/.git /area/u; mkfifo /area/t/.git/HEAD; ln -s /dev/zero "
            "/area/u/.git"),
    Attempt("thousands of watches",
            "perl -e '$i = syscall(253); for (glob q(/usr/share/*/* /usr/lib/*/* "
            "/usr/lib/*/*/*)) { $w{syscall(254, $i, qq($_\\0), 2)} = 1 } print keys %w > "
            "1100 ? q(ESCAPED) : q(no)'"),
    Attempt("thousands of timers",
            "perl -e '$t = q(x) x 8; $n++ while $n < 2000 and syscall(222, 1, 0, $t) == 0; "
            "print $n > 1000 ? q(ESCAPED) : q(no)'"),
    Attempt("a circle of links and a pipe", "ln -s / /loop; ln -s me /me; mkfifo /pipe"),
]  # fmt: skip

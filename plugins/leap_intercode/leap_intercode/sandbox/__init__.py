"""A sandbox for commands that a model writes: Linux namespaces, nothing to install.

    LEAP ──► zygote ──► runner ──► commands
             (one per   (one per   (bash, in the box: no network, a root of its own, no privileges,
              process)   episode)   limited resources)

The zygote is a small Python process that forks quickly. A runner sets up the namespaces, stays
outside of the box's PID namespace, and starts commands in it on behalf of LEAP, with whom it talks
over a socket of its own. Modules here import the standard library only: they run under
`python -I -S`.
"""

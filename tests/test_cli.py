"""The `leap` command: help, plugins' commands, errors in one line, clean interruption."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import leap_core
from leap_core.cli.commands import COMMANDS

PLUGIN = """
    from leap_core import hookimpl
    LEAP_API_VERSION = 2

    @hookimpl
    def leap_register_commands(register):
        register("brew", "brewing:brew", "Make tea")
        register("mislaid", "brewing:mislaid", "Registered, but its module lacks it")
        register("stone", "brewing:STONE", "Registered, but no command")
"""

BREWING = """
import time, click, logging
from leap_core import BudgetExceeded, ConfigError, TeacherError

STONE = 3

@click.command()
@click.argument("what", default="tea")
@click.pass_obj
def brew(settings, what):
    "Make tea, or go wrong as told."
    logging.getLogger("brewing").warning("the water\\n is cold")
    if what == "config": raise ConfigError("no such\\n  tea")
    if what == "teacher": raise TeacherError("the teacher does not answer")
    if what == "bug": raise ZeroDivisionError("spilled")
    if what == "usage": raise click.UsageError("tea comes in cups")
    if what == "wait":
        print("waiting", flush=True)
        time.sleep(60)
    if what == "code": return 5
    click.echo(f"{what} {settings.quiet} {settings.debug}")
"""


@pytest.fixture
def brewing(plugin_site):
    plugin_site.install("tea", PLUGIN)
    (plugin_site.path / "brewing.py").write_text(BREWING)
    return plugin_site


def test_version(leap) -> None:
    assert leap("--version").stdout == f"leap {leap_core.__version__}\n"


def test_help_lists_every_command_with_its_line_and_says_whose_it_is(leap, brewing) -> None:
    done = leap("--help")
    assert done.returncode == 0
    text = re.sub(r"\s+", " ", done.stdout)
    for name, (_, summary) in COMMANDS.items():
        assert f" {name} {summary}" in text
    assert " brew Make tea [tea]" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_built_in_command_has_help(name: str, leap) -> None:
    done = leap(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: leap {name} ")
    assert "--quiet" in done.stdout and "--debug" in done.stdout


def test_the_script_and_the_module_are_the_same_command() -> None:
    script = Path(sys.executable).with_name("leap")
    if not script.exists():
        pytest.skip("leap-core is not installed in this environment")
    done = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert done.stdout == f"leap {leap_core.__version__}\n"


def test_a_plugin_command_runs(leap, brewing) -> None:
    assert leap("brew", "green").stdout == "green False False\n"


@pytest.mark.parametrize("args", [("--quiet", "brew"), ("brew", "-q"), ("brew", "x", "--quiet")])
def test_quiet_may_stand_before_or_after_the_command(args, leap, brewing) -> None:
    done = leap(*args)
    assert done.stdout.endswith(" True False\n")
    assert done.stderr == ""


def test_warnings_are_one_line_each(leap, brewing) -> None:
    assert leap("brew").stderr == "leap: warning: the water is cold\n"


@pytest.mark.parametrize(
    "what, code, line",
    [
        ("config", 2, "leap: no such tea"),
        ("teacher", 1, "leap: the teacher does not answer"),
        ("usage", 2, "leap: tea comes in cups (see: leap brew --help)"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(what, code, line, leap, brewing) -> None:
    done = leap("-q", "brew", what)
    assert done.returncode == code
    assert done.stderr == f"{line}\n"
    assert done.stdout == ""


def test_debug_shows_the_traceback_as_well(leap, brewing) -> None:
    done = leap("-q", "brew", "config", "--debug")
    assert done.returncode == 2
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.endswith("\nleap: no such tea\n")


def test_a_bug_is_one_line_too_and_its_traceback_is_kept(leap, brewing, tmp_path) -> None:
    done = leap("-q", "brew", "bug", env={"TMPDIR": str(tmp_path)})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    found = re.search(r".* raised ZeroDivisionError: spilled .*its traceback is in (.*)\)", line)
    assert found
    assert "raise ZeroDivisionError" in Path(found[1]).read_text()


def test_a_returned_number_is_the_exit_code(leap, brewing) -> None:
    assert leap("brew", "code").returncode == 5


@pytest.mark.parametrize(
    "args, line",
    [
        (("lst-plugins",), "leap: unknown command 'lst-plugins'; did you mean 'list-plugins'? "),
        (("bew",), "leap: unknown command 'bew'; did you mean 'brew'? "),
        (("zzz",), "leap: unknown command 'zzz'; installed: "),
        (("list-plugins", "--jsn"), "leap: No such option '--jsn'. Did you mean '--json'? (see: "),
        (("report",), "leap: Missing argument 'RUN'. (see: leap report --help)"),
        (("mislaid",), "leap: command 'mislaid' of plugin 'tea' cannot be loaded from 'brewing:mi"),
        (("stone",), "leap: command 'stone' of plugin 'tea' is not a click command: "),
    ],
)
def test_a_command_line_that_cannot_be_used_is_one_line(args, line, leap, brewing) -> None:
    done = leap(*args)
    assert done.returncode == 2
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_ctrl_c_ends_with_one_line_and_130(brewing) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "leap_core", "-q", "brew", "wait"],
        env={**os.environ, "PYTHONPATH": str(brewing.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.strip() == "leap: interrupted"


def test_output_may_be_cut_off_by_the_reader(brewing) -> None:
    command = f"'{sys.executable}' -m leap_core list-plugins | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr


def test_the_list_of_plugins_is_not_cut_off_where_there_is_no_terminal(leap, plugin_site) -> None:
    reason = "a long story " * 40
    plugin_site.install("sad", f"raise OSError({reason!r})")
    done = leap("list-plugins", env={"COLUMNS": "60"})
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("sad ")]
    assert reason.strip() in line
    assert "\x1b" not in done.stdout


def test_data_of_an_environment_is_fetched_by_its_own_command(leap, plugin_site) -> None:
    plugin_site.install(
        "shop",
        """
        import click
        from leap_core import hookimpl

        LEAP_API_VERSION = 2
        group = click.Group("shop")

        @group.command("data")
        @click.argument("out")
        def data(out):
            click.echo(f"fetched to {out}")

        @hookimpl
        def leap_register_commands(register):
            register("shop", "shop_plugin:group", "a shop")
        """,
    )
    assert leap("data", "shop", "here").stdout == "fetched to here\n"
    refused = leap("data", "shp", "here")
    assert refused.returncode == 2
    assert "did you mean 'shop'?" in refused.stderr

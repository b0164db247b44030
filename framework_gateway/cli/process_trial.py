"""Import an application that will run in a process of its own, with its own Python."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from framework_gateway.processes.plan import (
    LAUNCHER,
    OF_ONE_PYTHON,
    Plan,
    StartFailed,
    find_python,
)
from framework_gateway.server.companions import search_path

# Also for Python 2.7.
TRY = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='check')['load'](sys.argv[2], None)"


def try_plan(plan: Plan) -> str | None:
    """Return why the application of a plan cannot run, as one line; None if it is imported."""
    if not Path(plan.directory).is_dir():
        return f"there is no directory {plan.directory}"
    if plan.process.command is not None:
        program = shlex.split(plan.process.command)[0]
        path = plan.process.environment.get("PATH", search_path())
        found = shutil.which(program, path=path) or shutil.which(Path(plan.directory, program))
        return None if found else f"there is no program {program}"
    try:
        python = find_python(plan.process.python, plan.directory)
        done = subprocess.run(
            [python, "-c", TRY, str(LAUNCHER), plan.application],
            cwd=plan.directory,
            env=environment(plan),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=plan.start_timeout,
        )
    except StartFailed as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return f"it took longer than {plan.start_timeout:g} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or [f"{python} ended with status {done.returncode}"]
    return lines[-1]


def environment(plan: Plan) -> dict[str, str]:
    """Return the variables with which the application finds its modules."""
    variables = {**plan.environment}
    if plan.process.python is not None:
        variables = {name: v for name, v in variables.items() if name not in OF_ONE_PYTHON}
    elif plan.process.working_directory is None:
        variables["PYTHONPATH"] = os.pathsep.join(sys.path)
    return {**variables, **plan.process.environment}

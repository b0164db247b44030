"""One Django project a process: refuse a second one, which would silently be the first.

Django's settings, its apps and its URLs exist once in a process. A usual ``wsgi.py`` only sets a
default for ``DJANGO_SETTINGS_MODULE``, so the second project of a process gets the settings of the
first, and its prefix serves the other site.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from framework_gateway.mounts.django_recorder import CONFIGURED, VARIABLE, loading, recorded
from framework_gateway.mounts.loading import ApplicationError
from framework_gateway.mounts.process_state import called

logger = logging.getLogger("framework_gateway")


class SecondDjango(ApplicationError):
    """The application asks for other Django settings than those of this process.

    Args:
        name: the prefix of its mount, or the name of a target.
        reason: what it asks for, and what there is.
        settings: what it asks for.

    Attributes:
        variables: the environment variables with which it gets them in a process of its own.
    """

    def __init__(self, name: str, reason: str, settings: str) -> None:
        option = f" (--isolate {name})" if name.startswith("/") else ""
        super().__init__(f"{reason}: run one of the two in a process of its own{option}")
        self.reason = reason
        self.variables = {} if settings == CONFIGURED else {VARIABLE: settings}


@dataclass
class Project:
    """The Django project of this process.

    Attributes:
        asked: the settings modules that its applications have asked for.
        owner: the name of the first application that asked or set Django up; None without one.
        shell: the variable before any application asked.
        told: whether the log says that the variable replaces what was asked for.
    """

    asked: set[str] = field(default_factory=set)
    owner: str | None = None
    shell: str | None = None
    told: bool = False

    def is_the_same(self, settings: str, used: str | None) -> bool:
        """Return whether an application may ask for these settings.

        A variable from the shell replaces what ``wsgi.py`` asks for, as under gunicorn. It does so
        for one project: what the first application asked for, the next ones must ask for, too.
        """
        if settings == CONFIGURED:
            return used is None and not self.asked
        if self.asked:
            return settings in self.asked
        return used in (None, settings, os.environ.get(VARIABLE))

    def named(self, used: str | None) -> str:
        """Return its settings and its owner for a message."""
        asked = " and ".join(sorted(self.asked))
        if self.owner is None:
            return used or asked
        owner = called(self.owner)
        found = f"{used or asked} for {owner[0].lower()}{owner[1:]}"
        if used is not None and used not in self.asked:
            found += f", which asks for {asked}"
        return found


_project = Project()


@dataclass
class Load:
    """An application while it loads.

    Attributes:
        asked: the settings that it has asked for last; None if it has not.
        first: whether nobody had asked before it.
        complete: whether it has loaded without an exception.
        refusal: what was raised in the application, which may have caught it.
    """

    name: str
    asked: str | None = None
    first: bool = False
    complete: bool = False
    refusal: SecondDjango | None = None

    def ask(self, settings: str) -> None:
        """Note what the application asks for.

        Raises:
            SecondDjango: it is not what this process uses.
        """
        used = in_force()
        if not _project.is_the_same(settings, used):
            self.refusal = self.refuse(settings, used)
            raise self.refusal
        self.asked = settings
        if not _project.asked:
            self.first = True
            _project.shell = os.environ.get(VARIABLE)
            _project.owner = self.name
        _project.asked.add(settings)

    def ask_by_default(self, settings: str) -> None:
        """Note what the application asks for, unless it has asked for something else before."""
        if self.asked is None:
            self.ask(settings)

    def rely_on(self, settings: str) -> None:
        """Note what the variable names for an application that asks for nothing itself."""
        if self.asked is None and settings != in_force():
            self.ask(settings)

    def refuse(self, settings: str, used: str | None) -> SecondDjango:
        """Return the error for an application that asks for other settings than those in use."""
        return SecondDjango(
            self.name,
            f"it asks for Django settings from {settings}, but this process uses"
            f" {_project.named(used)}, and Django has one settings module a process",
            settings,
        )


@contextmanager
def one_django(name: str) -> Iterator[None]:
    """Load an application inside; inside another ``one_django``, this one does nothing.

    Args:
        name: the prefix of its mount, or the name of a target.

    Raises:
        SecondDjango: it asks for other settings than those of this process.
    """
    if loading.is_nested:
        yield
        return
    load = Load(name)
    variable, used = os.environ.get(VARIABLE), in_force()
    try:
        with recorded(load):
            yield
            load.complete = True
    except SecondDjango:
        raise
    # Without its own settings, a second project fails in many ways.
    except Exception as error:
        if load.refusal is not None:
            raise load.refusal from error
        raise
    finally:
        keep_variable(load, variable)
    if load.refusal is not None:
        raise load.refusal
    settle(load, used)


def keep_variable(load: Load, before: str | None) -> None:
    """Let the variable name the settings in force, for processes that inherit it.

    An application that has not changed it, because it names its settings itself, leaves it alone.
    One that has failed before Django was set up leaves the place to another project.
    """
    used = in_force()
    withdrawn = load.first and not load.complete and used is None
    if withdrawn:
        vars(_project).update(vars(Project()))
    if os.environ.get(VARIABLE) == before:
        return
    is_undone = withdrawn or load.refusal is not None
    value = before if is_undone or used == CONFIGURED else used
    if value is not None:
        os.environ[VARIABLE] = value
    elif is_undone:
        os.environ.pop(VARIABLE, None)


def settle(load: Load, used_before: str | None) -> None:
    """Compare what was asked for with the settings that Django uses after a load.

    Raises:
        SecondDjango: the application has configured others than the first one asked for.
    """
    used, asked = in_force(), _project.asked
    if used is None or used in asked:
        return
    if asked and used == _project.shell:
        tell_of_shell(used)
    elif used != used_before:
        if asked and _project.owner != load.name:
            raise load.refuse(used, None)
        _project.owner = load.name
        asked.add(used)


def tell_of_shell(used: str) -> None:
    """Log once that a variable from the shell replaces what ``wsgi.py`` asks for."""
    if not _project.told:
        _project.told = True
        logger.warning(
            "%s asks for Django settings from %s, but the environment sets %s=%s, which is used",
            called(_project.owner),
            " and ".join(sorted(_project.asked)),
            VARIABLE,
            used,
        )


def in_force() -> str | None:
    """Return the settings module that Django uses, CONFIGURED for none, None without settings."""
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    if not getattr(settings, "configured", False):
        return None
    holder: Any = getattr(settings, "_wrapped", settings)
    while holder is not None:
        if module := getattr(holder, "SETTINGS_MODULE", None):
            return str(module)
        holder = getattr(holder, "default_settings", None)  # below settings.configure()
    return CONFIGURED

"""Record which Django settings an application asks for while it loads.

What an application asks for shows in three ways:

- it sets ``DJANGO_SETTINGS_MODULE``, by assignment or by ``os.environ.setdefault``, also where that
  changes nothing because the variable is set;
- it calls ``settings.configure()``, or would do so if ``settings.configured`` were false;
- it calls ``django.setup()`` and relies on the variable.

Everything here is in place while applications load, and from the start of the mounts on: some set
Django up when they start, or by the first request. It records only what they do.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any, Protocol

from framework_gateway.mounts.threads import current_threads

VARIABLE = "DJANGO_SETTINGS_MODULE"
CONFIGURED = "settings.configure()"  # names settings that no module holds


class Listener(Protocol):
    """Hears what the application asks for; may raise an exception in it."""

    def ask(self, settings: str) -> None:
        """The application uses these settings from now on."""

    def ask_by_default(self, settings: str) -> None:
        """The application uses these settings if it has asked for no others."""

    def rely_on(self, settings: str) -> None:
        """The application uses the settings that the variable names."""


class Loading:
    """The listener for the application that the current thread loads, starts or serves."""

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def listener(self) -> Listener | None:
        """The listener of the load in this thread, else that of the request's mount."""
        here: Listener | None = getattr(self._local, "listener", None)
        return here or current_threads.get().listener

    @listener.setter
    def listener(self, listener: Listener | None) -> None:
        self._local.listener = listener

    @property
    def is_nested(self) -> bool:
        """Whether this thread loads an application already."""
        return getattr(self._local, "listener", None) is not None


loading = Loading()
_lock = threading.Lock()
_changes = ExitStack()  # one for all loads that run at the same time, in several threads
_loads = 0


class RecordingEnviron(type(os.environ)):  # type: ignore[misc]
    """The class of ``os.environ`` while an application loads: it notes who sets the variable.

    ``os.environ`` stays the same object. Its content alone would not show a ``setdefault`` that had
    no effect, and that is what the ``wsgi.py`` of a second project does.
    """

    def __setitem__(self, key: str, value: str) -> None:
        if key == VARIABLE and loading.listener is not None:
            loading.listener.ask(value)
        super().__setitem__(key, value)

    def setdefault(self, key: str, value: str) -> str:
        """Record the default also where it has no effect."""
        if key == VARIABLE and key in self and loading.listener is not None:
            loading.listener.ask_by_default(value)
        return str(super().setdefault(key, value))


@contextmanager
def recorded(listener: Listener) -> Iterator[None]:
    """Record what the current thread asks for."""
    global _loads
    with _lock:
        if not _loads:
            record()
        _loads += 1
    try:
        loading.listener = listener
        yield
    finally:
        loading.listener = None
        with _lock:
            _loads -= 1
            if not _loads:
                _changes.close()


def keep_recording() -> None:
    """Record until the process ends."""
    global _loads
    with _lock:
        if _loads:
            _changes.close()
        record()
        _loads += 1


def record() -> None:
    """Begin to record, until ``_changes`` is closed."""
    replace(os.environ, "__class__", RecordingEnviron)
    conf = sys.modules.get("django.conf")
    # Without Django, the application is the first that could ask for settings. Libraries that put
    # an object of their own in place of Django's settings are left alone.
    if conf is None or not isinstance(getattr(conf, "settings", None), conf.LazySettings):
        return
    replace(sys.modules["django"], "setup", recording_setup(sys.modules["django"].setup))
    configured: property = vars(conf.LazySettings)["configured"]
    replace(conf.LazySettings, "configured", recording_configured(configured))
    configure = recording_configure(conf.LazySettings.configure)
    replace(conf.LazySettings, "configure", configure)


def replace(owner: Any, name: str, value: Any) -> None:
    """Set an attribute until ``_changes`` is closed."""
    _changes.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)


def recording_setup(setup: Callable[..., None]) -> Callable[..., None]:
    """Wrap ``django.setup``: without more, it asks for what the variable names."""

    def recording(*args: Any, **kwargs: Any) -> None:
        variable = os.environ.get(VARIABLE)
        if variable and loading.listener is not None:
            loading.listener.rely_on(variable)
        setup(*args, **kwargs)

    return recording


def recording_configured(configured: property) -> property:
    """Wrap the property ``configured``: ``if not settings.configured: settings.configure()``."""

    def recording(settings: Any) -> bool:
        is_configured = bool(configured.__get__(settings))
        if is_configured and loading.listener is not None and would_configure(settings):
            loading.listener.ask(CONFIGURED)
        return is_configured

    return property(recording)


def would_configure(settings: Any) -> bool:
    """Return whether the caller of ``settings.configured`` also calls ``configure()``.

    A single file may do so a second time; it is its own ROOT_URLCONF.
    """
    caller: FrameType | None = sys._getframe(2)
    while caller is not None and caller.f_globals.get("__name__", "").startswith("django."):
        caller = caller.f_back
    if caller is None or "configure" not in caller.f_code.co_names:
        return False
    return bool(caller.f_globals.get("__name__") != getattr(settings, "ROOT_URLCONF", None))


def recording_configure(configure: Callable[..., None]) -> Callable[..., None]:
    """Wrap the method ``configure``; it may name the module that its options come from."""

    def recording(settings: Any, *args: Any, **options: Any) -> None:
        if loading.listener is not None:
            loading.listener.ask(options.get("SETTINGS_MODULE") or CONFIGURED)
        configure(settings, *args, **options)

    return recording

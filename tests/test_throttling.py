"""Who asks the admin too often, or guesses passwords, is told to wait; nobody else is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import assert_problem
from tests.test_admin import LOGIN, NAME, PASSWORD, create_account

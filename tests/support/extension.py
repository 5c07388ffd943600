"""A C extension for the Python that runs the tests, built without Python's headers."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from support import repairs

MODULE = """
typedef struct object object;
struct method {
  const char *name; object *(*call)(object *, object *); int flags; const char *doc;
};
struct module {
  long references; void *type; void *init; long index; void *copy;
  const char *name, *doc; long size; struct method *methods; void *slots[4];
};
object *PyModule_Create2(struct module *, int);
object *PyLong_FromLong(long);
int seven(void);
static object *ask(object *self, object *arguments) { return PyLong_FromLong(seven()); }
static struct method methods[] = {{"ask", ask, 4, 0}, {0}};
static struct module module = {1, 0, 0, 0, 0, "_ext", 0, -1, methods};
object *PyInit__ext(void) { return PyModule_Create2(&module, 1013); }
"""
"""`PyMethodDef` and `PyModuleDef` as the stable ABI lays them out on 64-bit machines."""

SEVEN = "int seven(void) { return 7; }\n"


def needed() -> None:
    """Skip the test where such an extension cannot be loaded."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("needs CPython with the stable ABI")


def build(folder: Path) -> tuple[Path, Path]:
    """Build the extension and the library that it asks; give both."""
    needed()
    library = repairs.build_library(folder / "native" / "libseven.so.1", SEVEN)
    return repairs.build_library(folder / "out" / "_ext.so", MODULE, library), library


def asked(site: Path) -> str:
    """Import `pkg._ext` from `site` and give its answer, or the last line of what went wrong."""
    code = (
        "try:\n    from pkg import _ext\n    print(_ext.ask())\n"
        "except ImportError as error:\n    print(error)\n"
    )
    env = {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    return repairs.run(sys.executable, "-c", code, env=env).strip()

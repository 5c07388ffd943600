"""A C extension for the Python that runs the tests, built without Python's headers."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import pytest

from support import repairs
from support.needs import tool

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


CALL = """
#include <dlfcn.h>
int seven(void) {
    void *library = dlopen("libseven.so.1", RTLD_NOW);
    int (*function)(void) = library ? (int (*)(void))dlsym(library, "seven") : 0;
    return function ? function() : -1;
}
"""

NOTE = """
#define JSON "[{\\"soname\\":[\\"libother.so.9\\",\\"libseven.so.1\\"],\\"priority\\":\\"%s\\"}]"
__attribute__((used, aligned(4), section(".note.dlopen"))) static const struct {
    int name_size, text_size, type;
    char name[4];
    char text[(sizeof JSON + 3) & ~3UL];
} note = {4, sizeof JSON, 0x407c0c0a, "FDO", JSON};
"""


def needed() -> None:
    """Skip the test where such an extension cannot be loaded."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("needs CPython with the stable ABI")


def build(folder: Path) -> tuple[Path, Path]:
    """Build the extension and the library that it asks; give both."""
    needed()
    library = repairs.build_library(folder / "native" / "libseven.so.1", SEVEN)
    return repairs.build_library(folder / "out" / "_ext.so", MODULE, library), library


def build_opener(folder: Path, priority: str | None) -> Path:
    """Build an extension that links to libc alone, and give it; its library lies in `libs`."""
    needed()
    repairs.build_library(folder / "libs" / "libseven.so.1.2", SEVEN, soname="libseven.so.1")
    (folder / "libs" / "libseven.so.1").symlink_to("libseven.so.1.2")
    code = folder / "ext.c"
    note = "" if priority is None else NOTE % priority
    code.write_text(note + CALL + MODULE)
    module = folder / "_ext.so"
    gcc = tool("gcc", "gcc")
    words = ("-shared", "-fPIC", "-o", module, code)
    repairs.run(gcc, *words, env={"PATH": os.environ["PATH"]})
    return module


def asked(site: Path) -> str:
    """Import `pkg._ext` from `site` and give its answer, or the last line of what went wrong."""
    code = (
        "try:\n    from pkg import _ext\n    print(_ext.ask())\n"
        "except ImportError as error:\n    print(error)\n"
    )
    env = {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    return repairs.run(sys.executable, "-c", code, env=env).strip()

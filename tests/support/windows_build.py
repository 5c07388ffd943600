"""Real DLLs and extension modules for Windows, out of C, by zig's compiler and linker.

They need no header, no import library and no C runtime from anywhere: the few functions of
Windows and of Python's stable ABI that they use are declared here.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import peers
import pytest

MACHINES = {
    "amd64": ("x86_64-windows-gnu", "i386:x86-64", "x64"),
    "arm64": ("aarch64-windows-gnu", "arm64", "arm64"),
}
"""The words of zig's compiler, dlltool and lld-link for each machine."""

FLAGS = ("-Os", "-g0", "-fno-sanitize=undefined", "-fno-stack-protector", "-fno-builtin")

DELAY_HELPER = """
__declspec(dllimport) void *LoadLibraryA(const char *);
__declspec(dllimport) void *GetProcAddress(void *, const char *);
__declspec(dllimport) void RaiseException(unsigned, unsigned, unsigned, const void *);
__declspec(dllimport) void *SetUnhandledExceptionFilter(int (*)(void *));
extern char __ImageBase;
struct delay { unsigned attributes, name, handle, slots, names, bound, unload, stamp; };

static int end_process(void *exception) { return 1; }

void *__delayLoadHelper2(const struct delay *delay, void **slot) {
  char *base = &__ImageBase;
  void *dll = LoadLibraryA(base + delay->name);
  unsigned long long *names = (void *)(base + delay->names);
  unsigned long long name = names[slot - (void **)(base + delay->slots)];
  void *found = dll ? GetProcAddress(dll, base + name + 2) : 0;
  if (!found) {
    SetUnhandledExceptionFilter(end_process);
    RaiseException(0xC06D007E, 0, 0, 0);
  }
  return *slot = found;
}
"""
"""What a compiler's runtime does at the first delayed call: it looks for the DLL by its bare name.

The structure is `ImgDelayDescr` of the PE format's delay-load directory. The filter ends the
process before Wine starts its debugger.
"""

KERNEL32 = ("LoadLibraryA", "GetProcAddress", "RaiseException", "SetUnhandledExceptionFilter")

PYTHON = """
typedef struct object object;
struct method {
  const char *name; object *(*call)(object *, object *); int flags; const char *doc;
};
struct module {
  long long references; void *type; void *init; long long index; void *copy;
  const char *name, *doc; long long size; struct method *methods; void *slots[4];
};
__declspec(dllimport) object *PyModule_Create2(struct module *, int);
__declspec(dllimport) object *PyLong_FromLong(long);
"""
"""`PyMethodDef` and `PyModuleDef` as the stable ABI lays them out on 64-bit machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What is taken out of one DLL."""

    dll: str
    functions: tuple[str, ...]
    delay: bool = False


def dll(
    target: Path,
    functions: Mapping[str, str],
    *needs: Import,
    forwards: Mapping[str, str] | None = None,
    arch: str = "amd64",
) -> Path:
    """Build a DLL of functions without arguments: names and C expressions of type int.

    The expressions may call what `needs` lists. `forwards` maps names to `other.function`.
    """
    source = "".join(
        f"__declspec(dllexport) int {name}(void) {{ return {expression}; }}\n"
        for name, expression in functions.items()
    )
    options = [f"/export:{name}={other}" for name, other in (forwards or {}).items()]
    return build(target, source, *needs, options=options, arch=arch)


def extension(
    target: Path,
    functions: Mapping[str, str],
    *needs: Import,
    name: str | None = None,
    python: str = "python3.dll",
    arch: str = "amd64",
) -> Path:
    """Build an extension module of such functions, called `name` or else as the file is.

    With python3.dll it runs in every CPython of that machine.
    """
    name = name or target.name.partition(".")[0]
    calls = [
        f"static object *call_{each}(object *self, object *arguments) {{"
        f" return PyLong_FromLong({expression}); }}\n"
        for each, expression in functions.items()
    ]
    methods = "".join(f'{{"{each}", call_{each}, 4, 0}}, ' for each in functions)
    source = (
        f"{PYTHON}{''.join(calls)}static struct method methods[] = {{{methods}{{0}}}};\n"
        f'static struct module module = {{1, 0, 0, 0, 0, "{name}", 0, -1, methods}};\n'
        f"__declspec(dllexport) object *PyInit_{name}(void)"
        " { return PyModule_Create2(&module, 3); }\n"
    )
    api = Import(dll=python, functions=("PyModule_Create2", "PyLong_FromLong"))
    return build(target, source, api, *needs, arch=arch)


def build(
    target: Path,
    source: str,
    *needs: Import,
    options: Sequence[str] = (),
    arch: str = "amd64",
    kind: Sequence[str] = ("/dll", "/noentry"),
) -> Path:
    """Compile C, in which what `needs` lists is declared, and link it without a C runtime.

    `kind` is what tells the linker to make a DLL, or a program.
    """
    known = {"PyModule_Create2", "PyLong_FromLong"}
    names = [name for need in needs for name in need.functions if name not in known]
    declared = "".join(f"__declspec(dllimport) int {name}(void);\n" for name in names)
    delayed = [need.dll for need in needs if need.delay]
    if delayed:
        needs = (*needs, Import(dll="kernel32.dll", functions=KERNEL32))
    target.parent.mkdir(parents=True, exist_ok=True)
    zig_target, _, machine = MACHINES[arch]
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder, "code.c")
        code.write_text(declared + source + (DELAY_HELPER if delayed else ""))
        zig("cc", "-target", zig_target, *FLAGS, "-c", "code.c", "-o", "code.obj", cwd=folder)
        libraries = [import_library(Path(folder), need, arch) for need in needs]
        zig(
            "lld-link",
            *(*kind, "/brepro", f"/machine:{machine}", f"/out:{target.name}"),
            *(f"/delayload:{dll}" for dll in delayed),
            *options,
            *("code.obj", *libraries),
            cwd=folder,
        )
        target.write_bytes(Path(folder, target.name).read_bytes())
    return target


def import_library(folder: Path, need: Import, arch: str = "amd64") -> str:
    """Make what the linker wants to see of a DLL, without the DLL."""
    definition = Path(folder, f"{need.dll}.def")
    definition.write_text("\n".join([f"LIBRARY {need.dll}", "EXPORTS", *need.functions, ""]))
    words = ("-m", MACHINES[arch][1], "-d", definition.name, "-l", f"{need.dll}.lib")
    zig("dlltool", *words, cwd=str(folder))
    return f"{need.dll}.lib"


def zig(*arguments: str, cwd: str) -> None:
    """Run one of zig's tools; skips the test when zig is not there."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("needs ziglang to build DLLs: `pip install ziglang`")
    kept = str(peers.CACHE / "zig")
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", *arguments],
        cwd=cwd,
        env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": kept, "ZIG_LOCAL_CACHE_DIR": kept},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"

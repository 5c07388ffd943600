"""Android: what its API levels bring.

`load` tells their shape. Taken from

* PEP 738 (android_LEVEL_ABI)
* Android NDK, Native APIs (developer.android.com/ndk/guides/stable_apis) and
  meta/system_libs.json: libraries by API level
* bionic, libc/libc.map.txt and libm/libm.map.txt: which API level brought which symbol version
* CPython, Android/README.md and pypa/auditwheel 6.8.2, android policy: the _python libraries
  come with Python itself
"""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.typed import Any, Final

FACTS: Final[Mapping[str, Any]] = {
    "levels": "21 24 26 27 29 31",
    "families": "LIBC",
    "provides": {
        "21": (
            "libandroid.so libc.so libcrypto_python.so libdl.so libEGL.so libGLESv1_CM.so "
            "libGLESv2.so libGLESv3.so libjnigraphics.so liblog.so libm.so libmediandk.so "
            "libOpenMAXAL.so libOpenSLES.so libsqlite3_python.so libssl_python.so libstdc++.so "
            "libz.so"
        ),
        "24": "libcamera2ndk.so libvulkan.so",
        "26": "libaaudio.so libnativewindow.so libsync.so",
        "27": "libneuralnetworks.so",
        "29": "libamidi.so libbinder_ndk.so",
        "31": "libicu.so libnativehelper.so",
    },
    "named_versions": (
        "LIBC:21 LIBC_N:24 LIBC_O:26 LIBC_OMR1:27 LIBC_P:28 LIBC_Q:29 LIBC_R:30 LIBC_S:31 "
        "LIBC_T:33 LIBC_U:34 LIBC_V:35 LIBC_36:36 LIBC_37:37"
    ),
    "machines": {
        "arm64_v8a": {
            "machine": "aarch64",
            "since": "21",
        },
        "armeabi_v7a": {
            "machine": "armv7l",
            "since": "21",
        },
        "x86": {
            "machine": "i686",
            "since": "21",
        },
        "x86_64": {
            "since": "21",
        },
    },
}

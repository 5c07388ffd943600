"""manylinux: what the distributions have that its levels stand for.

`load` tells their shape. Taken from

* PEP 513, PEP 571, PEP 599 (manylinux1, 2010, 2014) and PEP 600 (manylinux_X_Y)
* pypa/auditwheel 6.8.2, manylinux policy; its facts come from mayeut/pep600_compliance, which
  lists what the distributions with each glibc have
* glibc, NEWS of 2.36: GLIBC_ABI_DT_RELR; pypa/auditwheel#655: which symbols are of glibc 2.18
* glibc, sysdeps/x86 after 2.42: GLIBC_ABI_GNU2_TLS and GLIBC_ABI_DT_X86_64_PLT; some builds of
  2.42 and before have them too, not all
* glibc, shlib-versions: the name of each machine's loader
"""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.typed import Any, Final

FACTS: Final[Mapping[str, Any]] = {
    "levels": "2.5 2.12 2.17 2.24 2.26 2.27 2.28 2.31 2.34 2.35 2.36 2.37 2.38 2.39 2.40 2.41",
    "levelled_family": "GLIBC",
    "families": (
        "CXXABI CXXABI_ARM CXXABI_IEEE128 CXXABI_LDBL CXXABI_TM GCC GLIBC GLIBCXX GLIBCXX_IEEE128 "
        "GLIBCXX_LDBL LIBATOMIC ZLIB"
    ),
    "provides": {
        "2.5": (
            "libanl.so.1 libatomic.so.1 libc.so.6 libdl.so.2 libgcc_s.so.1 libGL.so.1 "
            "libglib-2.0.so.0 libgobject-2.0.so.0 libgthread-2.0.so.0 libICE.so.6 libm.so.6 "
            "libnsl.so.1 libpthread.so.0 libresolv.so.2 librt.so.1 libSM.so.6 libstdc++.so.6 "
            "libutil.so.1 libX11.so.6 libXext.so.6 libXrender.so.1 libz.so.1"
        ),
        "2.12": "libexpat.so.1",
        "2.24": "libmvec.so.1",
    },
    "forbidden_symbols": {
        "libc.so.6": {
            "2.18": (
                "__cxa_thread_atexit_impl __issignaling __issignalingf __issignalingl "
                "pthread_getattr_default_np pthread_setattr_default_np"
            ),
        },
        "libm.so.6": {
            "2.18": "__issignaling __issignalingf __issignalingl",
        },
        "libpthread.so.0": {
            "2.18": "pthread_getattr_default_np pthread_setattr_default_np",
        },
        "libz.so.1": {
            "2.34": "uncompress2",
            "2.36": (
                "bi_windup crc_fold_512to32 crc_fold_copy crc_fold_init deflate_medium "
                "fill_window flush_pending longest_match slide_hash_sse static_ltree "
                "x86_check_features x86_cpu_has_pclmul x86_cpu_has_sse2 x86_cpu_has_sse42"
            ),
            "2.37": "crc32_combine_gen crc32_combine_gen64 crc32_combine_op",
            "never": (
                "_dist_code _length_code _tr_align _tr_flush_block _tr_init _tr_stored_block "
                "_tr_tally adler32_default crc32_acle crc32_le_vgfm_16 crc32_neon crc32_vpmsum "
                "crc32_z_default deflate_copyright gzflags inflate_copyright inflate_fast "
                "inflate_table sse2_slide_hash z_errmsg z_vstring zcalloc zcfree"
            ),
        },
    },
    "named_versions": "CXXABI_TM_1:2.17 GLIBC_ABI_DT_RELR:2.36",
    "machines": {
        "x86_64": {
            "since": "2.5",
            "provides": "ld-linux-x86-64.so.2",
            "symbol_versions": {
                "CXXABI": (
                    "2.5:1.3.1 2.12:1.3.3 2.17:1.3.7 2.24:1.3.10 2.27:1.3.11 2.31:1.3.12 "
                    "2.34:1.3.13 2.39:1.3.15"
                ),
                "GCC": "2.5:4.2.0 2.12:4.3.0 2.17:4.8.0 2.27:7.0.0 2.35:12.0.0 2.39:14.0.0",
                "GLIBCXX": (
                    "2.5:3.4.8 2.12:3.4.13 2.17:3.4.19 2.24:3.4.22 2.27:3.4.24 2.31:3.4.28 "
                    "2.34:3.4.29 2.35:3.4.30 2.39:3.4.33"
                ),
                "LIBATOMIC": "2.24:1.2",
                "ZLIB": "2.12:1.2.2.4 2.17:1.2.5.2 2.27:1.2.9 2.37:1.2.12",
            },
            "named_versions": (
                "CXXABI_FLOAT128:2.24 GLIBC_ABI_DT_X86_64_PLT:2.43 GLIBC_ABI_GNU2_TLS:2.43"
            ),
        },
        "i686": {
            "since": "2.5",
            "provides": "ld-linux.so.2",
            "symbol_versions": {
                "CXXABI": (
                    "2.5:1.3.1 2.12:1.3.3 2.17:1.3.7 2.24:1.3.10 2.26:1.3.11 2.31:1.3.12 "
                    "2.34:1.3.13 2.39:1.3.15"
                ),
                "GCC": "2.5:4.2.0 2.12:4.5.0 2.17:4.8.0 2.26:7.0.0 2.35:12.0.0 2.39:14.0.0",
                "GLIBCXX": (
                    "2.5:3.4.8 2.12:3.4.13 2.17:3.4.19 2.24:3.4.22 2.26:3.4.24 2.31:3.4.28 "
                    "2.34:3.4.29 2.35:3.4.30 2.39:3.4.33"
                ),
                "LIBATOMIC": "2.17:1.0 2.24:1.2",
                "ZLIB": "2.12:1.2.2.4 2.17:1.2.5.2 2.26:1.2.9 2.36:1.2.12",
            },
            "named_versions": "CXXABI_FLOAT128:2.24 GLIBC_ABI_GNU2_TLS:2.43",
        },
        "aarch64": {
            "since": "2.17",
            "provides": "ld-linux-aarch64.so.1",
            "symbol_versions": {
                "CXXABI": "2.17:1.3.7 2.24:1.3.10 2.26:1.3.11 2.31:1.3.12 2.34:1.3.13 2.39:1.3.15",
                "GCC": "2.17:4.7.0 2.26:7.0.0 2.34:11.0 2.39:14.0.0",
                "GLIBC": "2.17:2.18",
                "GLIBCXX": (
                    "2.17:3.4.19 2.24:3.4.22 2.26:3.4.24 2.31:3.4.28 2.34:3.4.29 2.35:3.4.30 "
                    "2.39:3.4.33"
                ),
                "LIBATOMIC": "2.17:1.0 2.24:1.2",
                "ZLIB": "2.17:1.2.5.2 2.27:1.2.9 2.37:1.2.12",
            },
        },
        "armv7l": {
            "since": "2.17",
            "provides": "ld-linux-armhf.so.3",
            "symbol_versions": {
                "CXXABI": "2.17:1.3.7 2.24:1.3.10 2.26:1.3.11 2.31:1.3.12 2.34:1.3.13 2.39:1.3.15",
                "GCC": "2.17:4.7.0 2.26:7.0.0 2.39:14.0.0",
                "GLIBCXX": (
                    "2.17:3.4.19 2.24:3.4.22 2.26:3.4.24 2.31:3.4.28 2.34:3.4.29 2.35:3.4.30 "
                    "2.39:3.4.33"
                ),
                "LIBATOMIC": "2.17:1.0 2.24:1.2",
                "ZLIB": "2.17:1.2.5.2 2.26:1.2.9 2.37:1.2.12",
            },
            "named_versions": "CXXABI_ARM_1.3.3:2.17",
        },
        "ppc64": {
            "since": "2.17",
            "until": "2.17",
            "provides": "ld64.so.1",
            "symbol_versions": {
                "CXXABI": "2.17:1.3.7",
                "GCC": "2.17:4.8.0",
                "GLIBCXX": "2.17:3.4.19",
                "LIBATOMIC": "2.17:1.0",
                "ZLIB": "2.17:1.2.5.2",
            },
        },
        "ppc64le": {
            "since": "2.17",
            "provides": "ld64.so.2",
            "symbol_versions": {
                "CXXABI": "2.17:1.3.7 2.24:1.3.10 2.26:1.3.11 2.31:1.3.12 2.34:1.3.13 2.39:1.3.15",
                "GCC": "2.17:4.7.0 2.26:7.0.0 2.39:14.0.0",
                "GLIBCXX": (
                    "2.17:3.4.19 2.24:3.4.22 2.26:3.4.24 2.31:3.4.28 2.34:3.4.29 2.35:3.4.30 "
                    "2.39:3.4.33"
                ),
                "LIBATOMIC": "2.17:1.0 2.24:1.2",
                "ZLIB": "2.17:1.2.5.2 2.26:1.2.9 2.37:1.2.12",
            },
            "named_versions": (
                "CXXABI_LDBL_1.3:2.17 GLIBCXX_LDBL_3.4:2.17 GLIBCXX_LDBL_3.4.10:2.17 "
                "GLIBCXX_LDBL_3.4.7:2.17 GLIBCXX_LDBL_3.4.21:2.24 CXXABI_IEEE128_1.3.13:2.34 "
                "GLIBCXX_IEEE128_3.4.29:2.34 GLIBCXX_LDBL_3.4.29:2.34 GLIBCXX_IEEE128_3.4.30:2.35 "
                "GLIBCXX_IEEE128_3.4.31:2.39 GLIBCXX_LDBL_3.4.31:2.39"
            ),
        },
        "s390x": {
            "since": "2.17",
            "provides": "ld64.so.1",
            "symbol_versions": {
                "CXXABI": "2.17:1.3.7 2.24:1.3.10 2.26:1.3.11 2.31:1.3.12 2.34:1.3.13 2.39:1.3.15",
                "GCC": "2.17:4.7.0 2.26:7.0.0 2.39:14.0.0",
                "GLIBCXX": (
                    "2.17:3.4.19 2.24:3.4.22 2.26:3.4.24 2.31:3.4.28 2.34:3.4.29 2.35:3.4.30 "
                    "2.39:3.4.33"
                ),
                "LIBATOMIC": "2.24:1.2",
                "ZLIB": "2.17:1.2.5.2 2.26:1.2.9 2.37:1.2.12",
            },
            "named_versions": (
                "CXXABI_LDBL_1.3:2.17 GLIBCXX_LDBL_3.4:2.17 GLIBCXX_LDBL_3.4.10:2.17 "
                "GLIBCXX_LDBL_3.4.7:2.17 GLIBCXX_LDBL_3.4.21:2.24 GLIBCXX_LDBL_3.4.29:2.34 "
                "GLIBCXX_LDBL_3.4.31:2.39"
            ),
        },
        "riscv64": {
            "since": "2.31",
            "provides": "ld-linux-riscv64-lp64d.so.1",
            "symbol_versions": {
                "CXXABI": "2.31:1.3.12 2.34:1.3.13 2.39:1.3.15",
                "GCC": "2.31:7.0.0 2.39:14.0.0",
                "GLIBCXX": "2.31:3.4.28 2.34:3.4.29 2.35:3.4.30 2.39:3.4.33",
                "LIBATOMIC": "2.31:1.2",
                "ZLIB": "2.31:1.2.9 2.37:1.2.12",
            },
            "named_versions": "GLIBC_ABI_DT_RELR:2.38",
        },
        "loongarch64": {
            "since": "2.36",
            "provides": "ld-linux-loongarch-lp64d.so.1",
            "symbol_versions": {
                "CXXABI": "2.36:1.3.13 2.39:1.3.15",
                "GCC": "2.36:7.0.0 2.39:14.0.0",
                "GLIBCXX": "2.36:3.4.30 2.39:3.4.32 2.40:3.4.33",
                "LIBATOMIC": "2.36:1.2",
                "ZLIB": "2.36:1.2.9 2.37:1.2.12",
            },
        },
    },
}

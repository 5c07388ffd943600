"""musllinux: what Alpine has, for musl 1.1 and 1.2.

`load` tells their shape. Taken from

* PEP 656 (musllinux_X_Y)
* pypa/auditwheel 6.8.2, musllinux policy
* musl, release notes of 1.2.0 (64-bit time_t on 32-bit machines: the symbols with 64), 1.2.2,
  1.2.3 and 1.2.5: what no musl 1.1 has
* Alpine Linux, aports/main/musl: libc.musl-ARCH.so.1; musl, ldso: ld-musl-ARCH.so.1
"""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.typed import Any, Final

FACTS: Final[Mapping[str, Any]] = {
    "levels": "1.1 1.2",
    "provides": {
        "1.1": "libc.so libz.so.1",
    },
    "forbidden_symbols": {
        "libc.so": {
            "1.2": (
                "__adjtime64 __adjtimex_time64 __aio_suspend_time64 __clock_adjtime64 "
                "__clock_getres_time64 __clock_gettime64 __clock_nanosleep_time64 "
                "__clock_settime64 __cnd_timedwait_time64 __ctime64 __ctime64_r __difftime64 "
                "__dlsym_time64 __fstat_time64 __fstatat_time64 __ftime64 __futimens_time64 "
                "__futimes_time64 __futimesat_time64 __getitimer_time64 __getrusage_time64 "
                "__gettimeofday_time64 __gmtime64 __gmtime64_r __localtime64 __localtime64_r "
                "__lstat_time64 __lutimes_time64 __mktime64 __mq_timedreceive_time64 "
                "__mq_timedsend_time64 __mtx_timedlock_time64 __nanosleep_time64 __ppoll_time64 "
                "__pselect_time64 __pthread_cond_timedwait_time64 "
                "__pthread_mutex_timedlock_time64 __pthread_rwlock_timedrdlock_time64 "
                "__pthread_rwlock_timedwrlock_time64 __pthread_timedjoin_np_time64 "
                "__recvmmsg_time64 __sched_rr_get_interval_time64 __select_time64 "
                "__sem_timedwait_time64 __semtimedop_time64 __setitimer_time64 "
                "__settimeofday_time64 __sigtimedwait_time64 __stat_time64 __stime64 "
                "__thrd_sleep_time64 __time64 __timegm_time64 __timer_gettime64 __timer_settime64 "
                "__timerfd_gettime64 __timerfd_settime64 __timespec_get_time64 __utime64 "
                "__utimensat_time64 __utimes_time64 __wait3_time64 __wait4_time64 _Fork gettid "
                "preadv2 pthread_getname_np pwritev2 qsort_r reallocarray statx"
            ),
        },
        "libz.so.1": {
            "never": (
                "_dist_code _length_code _tr_align _tr_flush_block _tr_init _tr_stored_block "
                "_tr_tally bi_windup crc32_vpmsum crc_fold_512to32 crc_fold_copy crc_fold_init "
                "deflate_copyright deflate_medium fill_window flush_pending gzflags "
                "inflate_copyright inflate_fast inflate_table longest_match slide_hash_sse "
                "static_ltree uncompress2 x86_check_features x86_cpu_has_pclmul x86_cpu_has_sse2 "
                "x86_cpu_has_sse42 z_errmsg zcalloc zcfree"
            ),
        },
    },
    "machines": {
        "x86_64": {
            "since": "1.1",
            "provides": "ld-musl-x86_64.so.1",
            "also_called": "libc.so:libc.musl-x86_64.so.1",
        },
        "i686": {
            "since": "1.1",
            "provides": "ld-musl-i386.so.1",
            "also_called": "libc.so:libc.musl-x86.so.1",
        },
        "aarch64": {
            "since": "1.1",
            "provides": "ld-musl-aarch64.so.1",
            "also_called": "libc.so:libc.musl-aarch64.so.1",
        },
        "armv7l": {
            "since": "1.1",
            "provides": "ld-musl-armhf.so.1",
            "also_called": "libc.so:libc.musl-armv7.so.1",
        },
        "ppc64le": {
            "since": "1.1",
            "provides": "ld-musl-powerpc64le.so.1",
            "also_called": "libc.so:libc.musl-ppc64le.so.1",
        },
        "s390x": {
            "since": "1.1",
            "provides": "ld-musl-s390x.so.1",
            "also_called": "libc.so:libc.musl-s390x.so.1",
        },
        "riscv64": {
            "since": "1.1",
            "provides": "ld-musl-riscv64.so.1",
            "also_called": "libc.so:libc.musl-riscv64.so.1",
        },
        "loongarch64": {
            "since": "1.2",
            "provides": "ld-musl-loongarch64.so.1",
            "also_called": "libc.so:libc.musl-loongarch64.so.1",
        },
    },
}

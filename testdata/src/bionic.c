/* An Android library: needs bionic's libc.so by a version, carries the NDK's note of its API level. */
extern int puts(const char *);

__attribute__((used, aligned(4), section(".note.android.ident"))) static const struct {
    int name_size, text_size, type;
    char name[8];
    int api_level;
} note = {8, 4, 1, "Android", 24};

const char *inner_word(void);

int bionic(void) { return puts(inner_word()); }

#ifdef PROGRAM
void _start(void) {
    bionic();
    for (;;)
        ;
}
#endif

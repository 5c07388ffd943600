/* Needs libouter, but only dlopen knows it. NOTE: and a .note.dlopen says so (systemd's format).
 * MAIN: a program that prints what it got. */
#include <dlfcn.h>

#include <stdio.h>

#ifdef NOTE
#define JSON "[{\"feature\":\"outer\",\"soname\":[\"libouter.so.1\"],\"priority\":\"required\"}]"
__attribute__((used, aligned(4), section(".note.dlopen"))) static const struct {
    int name_size, text_size, type;
    char name[4];
    char text[(sizeof JSON + 3) & ~3UL];
} note = {4, sizeof JSON, 0x407c0c0a, "FDO", JSON};
#endif

const char *feature(void) {
    void *library = dlopen("libouter.so.1", RTLD_NOW);
    const char *(*line)(void) = library ? (const char *(*)(void))dlsym(library, "outer_line") : 0;
    return line ? line() : "libouter.so.1 cannot be opened";
}

#ifdef MAIN
int main(void) { return puts(feature()) < 0; }
#endif

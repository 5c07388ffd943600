/* The program of the chain: prints one known line.
 *
 * EXT: through the extension beside it; otherwise straight from libouter.
 * BSS: with that many bytes of zeros, of which the first and the last are used.
 */
#include <stdio.h>

#ifdef EXT
const char *ext_line(void);
#define LINE ext_line
#else
const char *outer_line(void);
#define LINE outer_line
#endif

#ifdef BSS
static volatile char zeros[BSS];
#endif

int main(void) {
#ifdef BSS
    zeros[BSS - 1] = 1;
    if (zeros[BSS - 1] + zeros[0] != 1)
        return 3;
#endif
    return puts(LINE()) < 0;
}

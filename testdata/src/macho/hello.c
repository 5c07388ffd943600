/* A program that says what outer says. */
const char *outer(void);
int puts(const char *line);

int main(void) { return puts(outer()) < 0; }

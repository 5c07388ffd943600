/* Needs libalias.so and libalias.so.1, which are the same file where it was built. */
int alias_old(void);
int alias_new(void);

int aliases(void) { return alias_old() + alias_new(); }

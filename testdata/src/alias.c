/* WORD: the function to offer. Two of these make one library under two names. */
int WORD(void) { return 1; }

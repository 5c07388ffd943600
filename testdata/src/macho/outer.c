/* Needs inner. Has what a shifted image must keep true: pointers to bind and to rebase, weak
   symbols, thread-local variables with and without bytes in the file, an initializer, and code
   with a landing pad. */
extern int inner_value;
const char *inner(void);

int *outer_value = &inner_value;
const char *outer_words[] = {"outer", "words"};
const char *(*const outer_call)(void) = inner;
static _Thread_local int calls = 1;
static _Thread_local int zeros[4];
static int started;

__attribute__((weak)) int outer_weak = 7;

__attribute__((constructor)) static void start(void) { started = *outer_value; }

__attribute__((weak)) int __gcc_personality_v0(void) { return 0; }

static void leave(int *count) { zeros[*count & 3]++; }

const char *outer(void) {
  __attribute__((cleanup(leave))) int count = calls++;
  const char *word = outer_call();
  return outer_weak && started ? outer_words[count & 1] : word;
}

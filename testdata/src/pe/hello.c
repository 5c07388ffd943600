/* A program without a C library that says what outer says, and the sum of the 20 calls. */
__declspec(dllimport) const char *outer(void);
__declspec(dllimport) int outer_sum(void);
__declspec(dllimport) void *__stdcall GetStdHandle(unsigned number);
__declspec(dllimport) int __stdcall WriteFile(void *file, const void *data, unsigned size,
                                              unsigned *done, void *overlapped);
__declspec(dllimport) void __stdcall ExitProcess(unsigned code);

static void say(const char *text) {
  unsigned size = 0, done;
  while (text[size])
    size++;
  WriteFile(GetStdHandle((unsigned)-11), text, size, &done, 0);
}

void start(void) {
  char digits[5] = {' ', 0, 0, 0, 0};
  int sum = outer_sum();
  for (int at = 3; at > 0; at--, sum /= 10)
    digits[at] = (char)('0' + sum % 10);
  say(outer());
  say(digits);
  ExitProcess(0);
}

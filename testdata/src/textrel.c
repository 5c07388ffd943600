/* An absolute address in the code: the loader must write to the text segment. */
__attribute__((used)) static int number __asm__("number") = 42;

int textrel(void) {
    int value;
    __asm__("movl number, %0" : "=r"(value));
    return value;
}

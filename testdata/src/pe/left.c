/* Half of a circular pair. */
__declspec(dllimport) int right(int depth);
__declspec(dllexport) int left(int depth) { return depth ? right(depth - 1) : 1; }

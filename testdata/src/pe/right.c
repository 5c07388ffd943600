/* The other half. */
__declspec(dllimport) int left(int depth);
__declspec(dllexport) int right(int depth) { return depth ? left(depth - 1) : 2; }

/* Passes exports of inner on, beside one of its own; forward.def says which. */
int own(void) { return 7; }

"""ELF: Linux and Android. Fulfils `formats.interface.Format`."""

"""What a target system provides, and which platform tag that earns."""

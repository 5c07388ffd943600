"""What a target system provides, and which platform tag that earns.

Who needs something of this room imports it from its module: each is for the wheels of one system.
"""

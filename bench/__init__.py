"""Speed, measured beside other libraries: the same work in separate processes, in turn."""

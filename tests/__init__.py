"""The tests. A package, so that its programs start by name although a dependency installs a ``tests`` of its own."""

"""What broker and feed of one venue share; the layer below both."""

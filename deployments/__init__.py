"""When, where and which plan: what makes an installation."""

"""Typed settings and secrets; each block builds one adapter."""
